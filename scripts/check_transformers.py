"""The Python side of scripts/check-transformers; runs in the environment that scripts/setup-python makes."""

import argparse
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
    parser.add_argument("--logits", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    arguments = parser.parse_args()
    for path in (arguments.folder / "config.json", arguments.folder / "model.safetensors", arguments.logits, arguments.text):
        if path and not path.is_file():
            fail(f"{path}: no such file; name a folder that Cloze wrote")

    transformers.utils.logging.disable_progress_bar()
    model = load_model(arguments.folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.folder)
    if len(tokenizer) != model.config.vocab_size:
        print(f"note: tokenizer has {len(tokenizer)} entries, the model {model.config.vocab_size}")
    for sentence in arguments.text.read_text("utf-8").splitlines():
        ids = tokenizer(sentence)["input_ids"]
        print(f"{sentence}  ->  {' '.join(tokenizer.convert_ids_to_tokens(ids))}")
    compare(model, tokenizer, arguments)
    print("ok")


def load_model(folder):
    """The model in f32; every tensor of the file is used, and none of the model is left to chance."""
    model, report = transformers.BertForMaskedLM.from_pretrained(folder, output_loading_info=True, dtype=torch.float32)
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
