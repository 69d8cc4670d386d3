"""The Python side of scripts/check-transformers; runs in the environment that scripts/setup-python makes."""

import argparse
import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

def fail(message):
    print(f"check-transformers: {message}", file=sys.stderr)
    sys.exit(1)


def main():
    parser = argparse.ArgumentParser(prog="check-transformers")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--logits", type=Path, help="of a pretrained model, as evaluate --dump-logits writes them")
    parser.add_argument("--translations", type=Path, help="of a translator: the folder of beam-1.tsv and beam-5.tsv")
    parser.add_argument("--labels", type=Path, help="of a classifier or a tagger, as predict --json --top-k 0 writes them")
    parser.add_argument("--discriminator", type=Path, help="the encoder whose generator the folder is")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    arguments = parser.parse_args()
    if sum(path is not None for path in (arguments.logits, arguments.translations, arguments.labels)) != 1:
        fail("one of --logits, --translations and --labels is needed; scripts/check-transformers gives the right one")
    for path in (arguments.folder / "config.json", arguments.folder / "model.safetensors", arguments.logits, arguments.text):
        if path and not path.is_file():
            fail(f"{path}: no such file; name a folder that Cloze wrote")

    transformers.utils.logging.disable_progress_bar()
    model = load_model(model_class(arguments), arguments.folder)
    if arguments.discriminator:
        encoder = load_model(transformers.AutoModelForPreTraining, arguments.discriminator)
        if not torch.equal(encoder.get_input_embeddings().weight, model.get_input_embeddings().weight):
            fail(f"{arguments.discriminator}: its token table is not its generator's; write both from one model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.folder)
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) != rows:
        print(f"note: tokenizer has {len(tokenizer)} entries, the model {rows}")
    for sentence in arguments.text.read_text("utf-8").splitlines():
        ids = tokenizer(sentence)["input_ids"]
        print(f"{sentence}  ->  {' '.join(tokenizer.convert_ids_to_tokens(ids))}")
    if arguments.labels:
        compare_labels(model, tokenizer, arguments)
    elif arguments.translations:
        compare_translations(model, tokenizer, arguments)
    else:
        compare(model, tokenizer, arguments)
    print("ok")


def model_class(arguments):
    if arguments.translations:
        return transformers.AutoModelForSeq2SeqLM
    if arguments.labels:
        name = transformers.AutoConfig.from_pretrained(arguments.folder).architectures[0]
        return (transformers.AutoModelForTokenClassification if "Token" in name
                else transformers.AutoModelForSequenceClassification)
    return transformers.AutoModelForMaskedLM


def load_model(kind, folder):
    """The model in f32; every tensor of the file is used, and none of the model is left to chance."""
    model, report = kind.from_pretrained(folder, output_loading_info=True, dtype=torch.float32)
    problems = {name: sorted(report[name]) for name in ("missing_keys", "unexpected_keys", "mismatched_keys") if report[name]}
    if problems:
        fail("; ".join(f"{folder}: {name.replace('_', ' ')}: {keys}" for name, keys in problems.items())
             + "; mend the table of tensor names")
    size = sum(parameter.numel() for parameter in model.parameters())
    print(f"{folder}: {type(model).__name__}, {size:,} parameters, no key missing or unexpected "
          f"(transformers {transformers.__version__}, torch {torch.__version__})")
    return model.eval()


def compare(model, tokenizer, arguments):
    tensors = load_file(arguments.logits)
    for name in ("input_ids", "logits"):
        if name not in tensors:
            fail(f"{arguments.logits}: has no tensor {name}; let Cloze write input_ids and logits")
    ids, expected = tensors["input_ids"].long(), tensors["logits"].float()
    if expected.shape != (*ids.shape, model.config.vocab_size):
        fail(f"{arguments.logits}: input_ids {tuple(ids.shape)} and logits {tuple(expected.shape)} do not fit "
             f"a vocabulary of {model.config.vocab_size}; write both from one model")
    mask = tensors.get("attention_mask", ids != tokenizer.pad_token_id).bool()
    segments = tensors["token_type_ids"].long() if "token_type_ids" in tensors else None
    compare_ids(tokenizer, arguments.text, ids, mask)
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask.long(), token_type_ids=segments).logits
    difference = (logits - expected).abs()[mask]
    agreement = (logits.argmax(-1) == expected.argmax(-1))[mask].float().mean().item()
    print(f"logits of {ids.shape[0]} rows, {int(mask.sum())} tokens: greatest absolute difference {difference.max():.2e} "
          f"(largest logit {expected[mask].abs().max():.1f}), mean {difference.mean():.2e}, same best token {agreement:.2%}")
    # Written so that a NaN fails, too.
    if not difference.max().item() <= arguments.tolerance:
        row, column = divmod(int((logits - expected).abs().masked_fill(~mask[..., None], 0).amax(-1).argmax()), ids.shape[1])
        fail(f"{arguments.logits}: logits differ by more than {arguments.tolerance:g}, most at row {row}, position {column}; "
             "compare hidden states layer by layer from there")


def compare_translations(model, tokenizer, arguments):
    lines = arguments.text.read_text("utf-8").splitlines()
    # As it stands: no argument but the text, one line and several.
    single = model.generate(**tokenizer(lines[0], return_tensors="pt"))
    several = model.generate(**tokenizer(lines[:2], return_tensors="pt", padding=True))
    print(f"generate without an argument: {tokenizer.decode(single[0], skip_special_tokens=True)!r}, {several.shape[0]} lines at once")
    for beam in (1, 5):
        rows = [row.split("\t") for row in (arguments.translations / f"beam-{beam}.tsv").read_text("utf-8").splitlines()]
        if len(rows) != len(lines):
            fail(f"{arguments.translations}/beam-{beam}.tsv: {len(rows)} rows for {len(lines)} lines; give the text that Cloze read")
        greatest = 0.0
        for number, (line, (_, score, text)) in enumerate(zip(lines, rows), 1):
            found = best(model, tokenizer(line, return_tensors="pt"), beam)
            # Cloze and tokenizers put other spaces between words, and nothing else.
            wanted = tokenizer.decode(found[0], skip_special_tokens=True)
            if "".join(wanted.split()) != "".join(text.split()):
                fail(f"{arguments.text}:{number}: with beam {beam} Cloze has {text!r}, transformers {wanted!r}; compare the searches")
            greatest = max(greatest, abs(found[1] - float(score)))
        print(f"beam {beam}: {len(lines)} translations the same, greatest difference of their scores {greatest:.1e}")
        if not greatest <= arguments.tolerance:
            fail(f"{arguments.text}: scores with beam {beam} differ by more than {arguments.tolerance:g}; compare logits step by step")


def compare_labels(model, tokenizer, arguments):
    rows = [json.loads(row) for row in arguments.labels.read_text("utf-8").splitlines()]
    greatest, count = 0.0, 0
    for number, row in enumerate(rows, 1):
        if "words" in row:
            words = [word["word"] for word in row["words"]]
            source = tokenizer(words, is_split_into_words=True, return_tensors="pt")
            owners = source.word_ids(0)
            places, found = [owners.index(word) for word in range(len(words))], [word["labels"] for word in row["words"]]
        else:
            source, places, found = tokenizer(*row["texts"], truncation=True, return_tensors="pt"), [0], [row["labels"]]
        with torch.no_grad():
            logits = model(**source).logits
        probabilities = logits.softmax(-1).reshape(-1, model.config.num_labels)
        for place, labels in zip(places, found):
            if len(labels) != model.config.num_labels:
                fail(f"{arguments.labels}:{number}: has {len(labels)} labels; write all with --top-k 0")
            for label in labels:
                expected = probabilities[place][model.config.label2id[label["label"]]].item()
                greatest = max(greatest, abs(expected - label["probability"]))
                count += 1
    print(f"{count} probabilities of {len(rows)} lines: greatest difference {greatest:.1e}")
    if not greatest <= arguments.tolerance:
        fail(f"{arguments.labels}: probabilities differ by more than {arguments.tolerance:g}; compare logits from there")


def best(model, source, beam):
    """The best translation's ids and its score, of at most as many tokens as `translate` allows."""
    length = source["input_ids"].shape[1]
    limit = min(2 * length + 16, model.generation_config.max_length - 1)
    out = model.generate(**source, num_beams=beam, max_new_tokens=limit, return_dict_in_generate=True, output_scores=True)
    ids = out.sequences[0]
    if beam > 1:
        return ids, out.sequences_scores[0].item()
    with torch.no_grad():
        logits = model(**source, decoder_input_ids=ids[None, :-1]).logits[0].log_softmax(-1)
    return ids, logits.gather(1, ids[1:, None]).mean().item()


def compare_ids(tokenizer, path, ids, mask):
    lines = path.read_text("utf-8").splitlines()
    if len(lines) != ids.shape[0]:
        fail(f"{path}: {len(lines)} lines for {ids.shape[0]} rows of token ids; give the text that Cloze read")
    for number, (line, row, present) in enumerate(zip(lines, ids, mask), 1):
        wanted = tokenizer(line, truncation=True, max_length=ids.shape[1])["input_ids"]
        if row[present].tolist() != wanted:
            fail(f"{path}:{number}: Cloze has {row[present].tolist()}, transformers {wanted}; compare the tokenizers")
    print(f"token ids of {len(lines)} lines: all the same")


if __name__ == "__main__":
    main()
