"""Pretrains the encoder of configs/pretrain-demo.yaml with PyTorch and transformers, as the peer of `pretrain`.

  PYTHON scripts/pretrain_peer.py WINDOWS OUTPUT --minutes M --tokenizer FOLDER [--seed S] [--positions learned|rotary]
                                          [--precision bfloat16|float32]

WINDOWS are those of `benchmark --windows`. Steps of 8 windows of 128 tokens, 40 % of the tokens masked anew in each (80 % [MASK],
10 % random, 10 % kept), AdamW at 1.5e-3 with 200 steps of warm-up and a rate that falls by the square root in the last fifth, clipping, no dropout. The
fastest that a careful user writes: autocast for bfloat16, the head on masked positions alone, the fused optimizer. A token attends
to its whole window, as in transformers' run_mlm. OUTPUT is a model folder that `evaluate` reads, with the files of FOLDER's tokenizer.
"""

import argparse
import json
import os
import shutil
import time
from pathlib import Path

import numpy
import torch
import transformers

LENGTH, WINDOWS = 128, 8
RATE, WARMUP, TAIL, DECAY = 1.5e-3, 200, 0.2, 0.01
SELECTED = 0.4


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("windows", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--positions", choices=["learned", "rotary"], default="rotary")
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--tokenizer", type=Path, required=True)
    return parser.parse_args()


def make_model(positions, vocabulary):
    sizes = dict(
        vocab_size=vocabulary, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024,
        max_position_embeddings=512, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    if positions == "rotary":
        model = transformers.RoFormerForMaskedLM(transformers.RoFormerConfig(**sizes, rotary_value=False))
        return model.train(), model.roformer
    model = transformers.BertForMaskedLM(transformers.BertConfig(**sizes))
    return model.train(), model.bert


def make_optimizer(model):
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.98), eps=1e-6, fused=True)


def masked(ids, specials, mask, vocabulary):
    """Inputs, positions and labels, by the rule of BERT."""
    ordinary = ~torch.isin(ids, specials)
    selected = (torch.rand(ids.shape) < SELECTED) & ordinary
    draw = torch.rand(ids.shape)
    inputs = torch.where(selected & (draw < 0.8), mask, ids)
    random = torch.randint(vocabulary, ids.shape)
    inputs = torch.where(selected & (draw >= 0.8) & (draw < 0.9), random, inputs)
    positions = selected.flatten().nonzero().squeeze(1)
    return inputs, positions, ids.flatten()[positions]


def rate_factor(step, seconds, minutes):
    if step < WARMUP:
        return (step + 1) / WARMUP
    left = max(0.0, 1 - seconds / (60 * minutes)) / TAIL
    return 1.0 if left >= 1 else 1 - (1 - left) ** 0.5


def train(options):
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(options.seed)
    names = (options.tokenizer / "vocab.txt").read_text("utf-8").split("\n")[:-1]
    specials = torch.tensor([names.index(name) for name in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]])
    mask = torch.tensor(names.index("[MASK]"))
    windows = numpy.memmap(options.windows, dtype="<u4").reshape(-1, LENGTH)
    model, encoder = make_model(options.positions, len(names))
    optimizer = make_optimizer(model)
    start, step = time.monotonic(), 0
    while (seconds := time.monotonic() - start) < 60 * options.minutes:
        first = step * WINDOWS % (len(windows) - WINDOWS + 1)
        ids = torch.from_numpy(windows[first:first + WINDOWS].astype("int64"))
        inputs, positions, labels = masked(ids, specials, mask, len(names))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.precision == "bfloat16"):
            hidden = encoder(input_ids=inputs).last_hidden_state.flatten(0, 1)
            loss = torch.nn.functional.cross_entropy(model.cls(hidden[positions]).float(), labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = RATE * rate_factor(step, seconds, options.minutes)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        if step % 500 == 0:
            print(f"step {step:,}  loss {loss.item():.3f}  {step * WINDOWS * LENGTH / (time.monotonic() - start):,.0f} tokens/s",
                  flush=True)
    model.save_pretrained(options.output)
    for name in ["vocab.txt", "tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(options.tokenizer / name, options.output)
    print(json.dumps({"steps": step, "tokens": step * WINDOWS * LENGTH}))


if __name__ == "__main__":
    train(arguments())
