"""Speed of `translate` beside CTranslate2, in turn, on networks of the same sizes.

  PYTHON scripts/benchmark_translation.py TRANSLATE MODEL TEXT

PYTHON has ctranslate2, tokenizers and numpy. TRANSLATE is the built program, MODEL a translator's folder, TEXT a file of source
sentences, one a line; some thousand are enough. CTranslate2 has no decoder with BERT's head, so it gets a network of the same
layers, widths and vocabulary with random weights, and writes for every sentence as many tokens as ours has in the mean. Without
long translations it has a little less to do. Both use two threads; CTranslate2 uses the best of three batch sizes. `translate`
is timed as a process, and the time that it takes for one line is subtracted.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec, transformer_spec
from tokenizers import Tokenizer

ROUNDS, THREADS, BATCHES = 3, 2, (64, 256, 1024)
random = np.random.default_rng(1)


def weights(*shape):
    return (0.02 * random.standard_normal(shape)).astype(np.float32)


def linear(spec, outputs, inputs):
    spec.weight, spec.bias = weights(outputs, inputs), np.zeros(outputs, np.float32)


def norm(spec, width):
    spec.gamma, spec.beta = np.ones(width, np.float32), np.zeros(width, np.float32)


def attention(spec, shapes, width):
    for place, outputs in enumerate(shapes):
        linear(spec.linear[place], outputs * width, width)
    norm(spec.layer_norm, width)


def peer_model(folder, sizes, decoder_layers):
    """Writes a post-norm encoder and decoder of these sizes to `folder`."""
    width, inner, vocabulary = sizes["hidden_size"], sizes["intermediate_size"], sizes["vocab_size"]
    spec = transformer_spec.TransformerSpec.from_config(
        (sizes["num_hidden_layers"], decoder_layers), sizes["num_attention_heads"], pre_norm=False,
        activation=common_spec.Activation.GELU, layernorm_embedding=True)
    table = weights(vocabulary, width)
    for part, embeddings in [(spec.encoder, spec.encoder.embeddings[0]), (spec.decoder, spec.decoder.embeddings)]:
        embeddings.weight, embeddings.multiply_by_sqrt_depth = table, False
        part.position_encodings.encodings = weights(sizes["max_position_embeddings"], width)
        norm(part.layernorm_embedding, width)
        for layer in part.layer:
            attention(layer.self_attention, (3, 1), width)
            if part is spec.decoder:
                attention(layer.attention, (1, 2, 1), width)
            linear(layer.ffn.linear_0, inner, width)
            linear(layer.ffn.linear_1, width, inner)
            norm(layer.ffn.layer_norm, width)
    linear(spec.decoder.projection, vocabulary, width)
    tokens = ["<blank>", "<s>", "</s>", "<unk>"] + [f"t{number}" for number in range(vocabulary - 4)]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.validate()
    spec.optimize(quantization=None)
    spec.save(str(folder))


def timed(action):
    """(seconds, processor seconds, result), children included."""
    def used():
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)
    start, before = time.perf_counter(), used()
    result = action()
    return time.perf_counter() - start, used() - before, result


def main(program, model, text):
    model = model / "best" if (model / "best").exists() else model
    configuration = json.loads((model / "config.json").read_text("utf-8"))
    lines = text.read_text("utf-8").splitlines()
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))

    def ours(beam, precision, lines):
        run = subprocess.run(
            [program, "--quiet", "--model", model, "--beam", str(beam), "--workers", str(THREADS), "--precision", precision],
            input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
        return run.stdout.splitlines()

    sources = [["t%d" % (token % 1000) for token in encoding.ids] for encoding in tokenizer.encode_batch(lines)]
    written = tokenizer.encode_batch(ours(1, "automatic", lines), add_special_tokens=False)
    length = round(np.mean([len(encoding.ids) for encoding in written])) + 1
    print(f"{len(lines):,} sentences of {np.mean([len(source) for source in sources]):.1f} tokens, "
          f"{length} tokens a translation; CTranslate2 {ctranslate2.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        peer_model(folder, configuration["encoder"], configuration["decoder"]["num_hidden_layers"])
        peers = {kind: ctranslate2.Translator(folder, device="cpu", compute_type=kind, inter_threads=1, intra_threads=THREADS)
                 for kind in ("float32", "int8")}
        for beam in (1, 5):
            def peer(kind, batch):
                return lambda: peers[kind].translate_batch(
                    sources, beam_size=beam, max_batch_size=batch, min_decoding_length=length, max_decoding_length=length)
            batches = {kind: min(BATCHES, key=lambda batch: timed(peer(kind, batch))[0]) for kind in peers}
            rows = {}
            for _ in range(ROUNDS):
                for precision in ("automatic", "float32"):
                    start = timed(lambda: ours(beam, precision, lines[:1]))
                    whole = timed(lambda: ours(beam, precision, lines))
                    rows.setdefault(f"Cloze, {precision}", []).append([whole[0] - start[0], whole[1] - start[1]])
                for kind, batch in batches.items():
                    rows.setdefault(f"CTranslate2, {kind}, batches of {batch}", []).append(timed(peer(kind, batch))[:2])
            print("greedy" if beam == 1 else f"beam of {beam}")
            for name, times in rows.items():
                seconds, processor = np.median(np.array(times), axis=0)
                print(f"  {name:40} {len(lines) / seconds:8,.0f} sentences/s  {len(lines) / processor:8,.0f} a processor second")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
