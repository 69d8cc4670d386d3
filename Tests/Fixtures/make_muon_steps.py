"""20 steps of torch.optim.Muon and AdamW on the batches of steps.safetensors, and 4 of Muon on single matrices.

make_muon_steps.py muon-steps.json, in the environment of scripts/setup-python. Muon is the weight matrices of layers and of the
head's transform; its orthogonalization is in the parameters' precision here, where torch has bfloat16.
"""
import inspect
import json
import sys

import torch
import torch.optim._muon as muon
from safetensors.torch import load_file
from transformers import BertForMaskedLM

source = inspect.getsource(muon._zeropower_via_newtonschulz)
assert source.count("dtype=torch.bfloat16, ") == 1
exec(source.replace("dtype=torch.bfloat16, ", ""), muon.__dict__)

FOLDER = __file__.rsplit("/", 1)[0]
BATCHES = load_file(f"{FOLDER}/steps.safetensors")


def is_hidden(name, parameter):
    return parameter.ndim == 2 and (".layer." in name or ".transform.dense." in name)


def model_steps():
    model = BertForMaskedLM.from_pretrained(f"{FOLDER}/bert", attn_implementation="eager").train()
    named = list(model.named_parameters())
    hidden = [p for name, p in named if is_hidden(name, p)]
    decayed = [p for name, p in named if not is_hidden(name, p) and p.ndim > 1]
    others = [p for name, p in named if p.ndim == 1]
    optimizers = [
        torch.optim.Muon(hidden, lr=1e-3, weight_decay=0.01, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(
            [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
            lr=1e-3, betas=(0.9, 0.98), eps=1e-6),
    ]
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


def matrix_steps(rows, columns):
    weight = torch.randn(rows, columns, dtype=torch.float64)
    parameter = torch.nn.Parameter(weight.clone())
    gradients = [torch.randn(rows, columns, dtype=torch.float64) for _ in range(4)]
    optimizer = torch.optim.Muon(
        [parameter], lr=0.02, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
    flat = [[round(x, 6) for x in tensor.flatten().tolist()] for tensor in [weight, *gradients, parameter.detach()]]
    return {"rows": rows, "columns": columns, "weight": flat[0], "gradients": flat[1:-1], "result": flat[-1]}


torch.manual_seed(0)
with open(sys.argv[1], "w") as file:
    json.dump({**model_steps(), "matrices": [matrix_steps(*size) for size in [(6, 6), (4, 11), (13, 5)]]}, file)
    file.write("\n")
