"""20 steps of an optimizer on the batches of steps.safetensors, and 4 on single matrices: of torch.optim.Muon with AdamW for the
rest, and of optimi's StableAdamW.

make_optimizer_steps.py FOLDER writes muon-steps.json and stableAdamW-steps.json, in the environment of scripts/setup-python with
torch-optimi. Muon is for the weight matrices of layers and of the head's transform; its orthogonalization is in the parameters'
precision here, where torch has bfloat16.
"""
import inspect
import json
import sys

import optimi
import torch
import torch.optim._muon as torch_muon
from safetensors.torch import load_file
from transformers import BertForMaskedLM

source = inspect.getsource(torch_muon._zeropower_via_newtonschulz)
assert source.count("dtype=torch.bfloat16, ") == 1
exec(source.replace("dtype=torch.bfloat16, ", ""), torch_muon.__dict__)

FOLDER = __file__.rsplit("/", 1)[0]
BATCHES = load_file(f"{FOLDER}/steps.safetensors")


def is_hidden(name, parameter):
    return parameter.ndim == 2 and (".layer." in name or ".transform.dense." in name)


def muon_optimizers(hidden, decayed, others):
    return [
        torch.optim.Muon(hidden, lr=1e-3, weight_decay=0.01, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(
            [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
            lr=1e-3, betas=(0.9, 0.98), eps=1e-6),
    ]


def stable_optimizers(hidden, decayed, others):
    return [optimi.StableAdamW(
        [{"params": hidden + decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
        lr=1e-3, betas=(0.9, 0.98), eps=1e-6, triton=False)]


def model_steps(make_optimizers):
    model = BertForMaskedLM.from_pretrained(f"{FOLDER}/bert", attn_implementation="eager").train()
    named = list(model.named_parameters())
    hidden = [p for name, p in named if is_hidden(name, p)]
    decayed = [p for name, p in named if not is_hidden(name, p) and p.ndim > 1]
    others = [p for name, p in named if p.ndim == 1]
    optimizers = make_optimizers(hidden, decayed, others)
    losses, norms = [], []
    for step in range(20):
        batch = step % 5
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = 1e-3 * min(1, (step + 1) / 5)
            optimizer.zero_grad()
        loss = model(
            input_ids=BATCHES[f"input_ids.{batch}"].long(),
            attention_mask=BATCHES[f"attention_mask.{batch}"].long(),
            labels=BATCHES[f"labels.{batch}"].long(),
        ).loss
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
        losses.append(float(loss))
        for optimizer in optimizers:
            optimizer.step()
    return {"losses": losses, "gradientNorms": norms}


def muon(parameter):
    return torch.optim.Muon(
        [parameter], lr=0.02, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")


def stable(parameter):
    return optimi.StableAdamW([parameter], lr=0.02, weight_decay=0.1, betas=(0.9, 0.98), eps=1e-6, triton=False)


def matrix_steps(make_optimizer, scales, rows, columns):
    weight = torch.randn(rows, columns, dtype=torch.float64)
    parameter = torch.nn.Parameter(weight.clone())
    gradients = [scale * torch.randn(rows, columns, dtype=torch.float64) for scale in scales]
    optimizer = make_optimizer(parameter)
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
    flat = [[round(x, 6) for x in tensor.flatten().tolist()] for tensor in [weight, *gradients, parameter.detach()]]
    return {"rows": rows, "columns": columns, "weight": flat[0], "gradients": flat[1:-1], "result": flat[-1]}


# The third gradient of StableAdamW's matrices is larger than the second moment expects.
for name, optimizers, optimizer, scales in [
    ("muon", muon_optimizers, muon, [1, 1, 1, 1]), ("stableAdamW", stable_optimizers, stable, [1, 1, 20, 1])
]:
    torch.manual_seed(0)
    matrices = [(6, 6), (4, 11), (13, 5)]
    with open(f"{sys.argv[1]}/{name}-steps.json", "w") as file:
        json.dump(
            {**model_steps(optimizers), "matrices": [matrix_steps(optimizer, scales, *size) for size in matrices]},
            file)
        file.write("\n")
