"""20 AdamW steps of torch on the batches of steps.safetensors, with a learning rate a layer and with frozen parts.

make_layer_steps.py layer-steps.json, in the environment of scripts/setup-python.
"""
import json
import sys

import torch
from safetensors.torch import load_file
from transformers import BertForMaskedLM

FOLDER = __file__.rsplit("/", 1)[0]
BATCHES = load_file(f"{FOLDER}/steps.safetensors")


def depth_below_head(name, layers):
    if ".embeddings." in name:
        return layers + 1
    if ".layer." in name:
        return layers - int(name.split(".layer.")[1].split(".")[0])
    return 0


def run(decay, frozen):
    model = BertForMaskedLM.from_pretrained(f"{FOLDER}/bert", attn_implementation="eager").train()
    layers = model.config.num_hidden_layers
    groups = []
    for name, parameter in model.named_parameters():
        if any(part in name for part in frozen):
            parameter.requires_grad_(False)
            continue
        factor = decay ** depth_below_head(name, layers)
        weight_decay = 0.01 if parameter.ndim > 1 else 0.0
        groups.append({"params": [parameter], "lr": 1e-3 * factor, "peak": 1e-3 * factor, "weight_decay": weight_decay})
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6)
    losses, norms = [], []
    for step in range(20):
        batch = step % 5
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * min(1, (step + 1) / 5)
        optimizer.zero_grad()
        loss = model(
            input_ids=BATCHES[f"input_ids.{batch}"].long(),
            attention_mask=BATCHES[f"attention_mask.{batch}"].long(),
            labels=BATCHES[f"labels.{batch}"].long(),
        ).loss
        loss.backward()
        trained = [p for p in model.parameters() if p.requires_grad]
        norms.append(float(torch.nn.utils.clip_grad_norm_(trained, 1.0)))
        losses.append(float(loss))
        optimizer.step()
    return {"losses": losses, "gradientNorms": norms}


torch.manual_seed(0)
CASES = [
    (1.0, "none", []),
    (0.65, "none", []),
    (1.0, "embeddings,layers:0", [".embeddings.", ".layer.0."]),
    (0.5, "layers:1", [".layer.1."]),
]
result = [{"layerDecay": decay, "freeze": name, **run(decay, frozen)} for decay, name, frozen in CASES]
with open(sys.argv[1], "w") as file:
    json.dump(result, file, indent=1)
    file.write("\n")
