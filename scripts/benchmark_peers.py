"""The peers' side of scripts/benchmark: PyTorch with transformers, and tokenizers.

  PYTHON scripts/benchmark_peers.py [TEXT]

The same model, batch and optimizer as `benchmark --case 4x256` and `--case 4x256-dropout`: batches of 32 windows of 128 random
tokens, 15 % masked, AdamW, clipping. TEXT is encoded, and a vocabulary trained on it, by tokenizers.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import torch
import transformers
from tokenizers import BertWordPieceTokenizer

LAYERS, HIDDEN, VOCABULARY, WINDOWS, LENGTH = 4, 256, 8192, 32, 128
MASKED = 0.15
SECONDS = 10


def operations_per_token():
    body = 12 * LAYERS * HIDDEN**2 + 2 * LAYERS * LENGTH * HIDDEN
    return 6 * (body + MASKED * (HIDDEN * VOCABULARY + HIDDEN**2))


def make_model(dropout):
    settings = transformers.BertConfig(
        vocab_size=VOCABULARY, hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HIDDEN // 64,
        intermediate_size=4 * HIDDEN, max_position_embeddings=512, hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout)
    return transformers.BertForMaskedLM(settings).train()


def loss_on_masked(model, ids, positions, labels):
    """The head on masked positions alone: what a careful user writes."""
    hidden = model.bert(input_ids=ids).last_hidden_state.flatten(0, 1)
    return torch.nn.functional.cross_entropy(model.cls(hidden[positions]).float(), labels)


def loss_as_shipped(model, ids, positions, labels):
    all_labels = torch.full((ids.numel(),), -100)
    all_labels[positions] = labels
    return model(input_ids=ids, labels=all_labels.view_as(ids)).loss


def tokens_per_second(model, loss, bfloat16):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    ids = torch.randint(5, VOCABULARY, (WINDOWS, LENGTH))
    positions = torch.randperm(ids.numel())[: int(MASKED * ids.numel())]
    labels = ids.flatten()[positions]

    def step():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            value = loss(model, ids, positions, labels)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    for _ in range(3):
        step()
    start, steps = time.monotonic(), 0
    while time.monotonic() - start < SECONDS or steps < 3:
        step()
        steps += 1
    return steps * ids.numel() / (time.monotonic() - start)


def train():
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    print(f"PyTorch {torch.__version__}, transformers {transformers.__version__}, {LAYERS}x{HIDDEN}")
    for name, loss, bfloat16, dropout in [
        ("as shipped, float32, dropout 0.1", loss_as_shipped, False, 0.1),
        ("bfloat16 autocast, head on masked positions, dropout 0.1", loss_on_masked, True, 0.1),
        ("bfloat16 autocast, head on masked positions, no dropout", loss_on_masked, True, 0.0),
    ]:
        rate = tokens_per_second(make_model(dropout), loss, bfloat16)
        print(f"  {name:58} {rate:8,.0f} tokens/s  {rate * operations_per_token() / 1e9:5.0f} GFLOP/s", flush=True)


def tokenize(path):
    import tokenizers

    size = path.stat().st_size / 1e6
    tokenizer = BertWordPieceTokenizer(lowercase=False)
    start = time.monotonic()
    tokenizer.train([str(path)], vocab_size=VOCABULARY, show_progress=False)
    training = time.monotonic() - start
    lines = path.read_text("utf-8").splitlines()
    start = time.monotonic()
    for first in range(0, len(lines), 4096):
        tokenizer.encode_batch(lines[first:first + 4096], add_special_tokens=False)
    encoding = time.monotonic() - start
    print(f"tokenizers {tokenizers.__version__}, {size:.1f} MB: vocabulary of {VOCABULARY:,} trained in {training:.2f} s, "
          f"encoded in {encoding:.2f} s, {size / encoding:.1f} MB/s")


if __name__ == "__main__":
    train()
    if len(sys.argv) > 1:
        tokenize(Path(sys.argv[1]))
