"""Tiny random pre-norm models as transformers saves them, with their logits, losses and gradients in float32.

  make_pre_norm.py FOLDER

`RobertaPreLayerNorm` by itself, with the masked-language head, with a classifier of texts and of tokens, and as encoder and
decoder of a translator. Run in the environment of scripts/setup-python.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    EncoderDecoderConfig, EncoderDecoderModel, RobertaPreLayerNormConfig, RobertaPreLayerNormForMaskedLM,
    RobertaPreLayerNormForSequenceClassification, RobertaPreLayerNormForTokenClassification, RobertaPreLayerNormModel)

PADDING = 3
SETTINGS = dict(
    vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
    max_position_embeddings=12 + PADDING + 1, type_vocab_size=2, pad_token_id=PADDING, bos_token_id=1, eos_token_id=2,
    layer_norm_eps=1e-6, hidden_act="gelu", initializer_range=0.2)


def randomize(model):
    """Norms and biases start as ones and zeros, which would hide an exchange."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
            if name.endswith("position_embeddings.weight"):
                parameter[: PADDING + 1] = 0
    return model.eval()


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: p.grad.contiguous().clone() for name, p in model.named_parameters() if p.grad is not None}


def main():
    folder = Path(sys.argv[1])
    torch.manual_seed(5)
    ids = torch.randint(4, 60, (2, 9))
    segments = torch.randint(0, 2, (2, 9))
    labels = torch.where(torch.rand(2, 9) < 0.4, torch.randint(4, 60, (2, 9)), torch.tensor(-100))

    masked = randomize(RobertaPreLayerNormForMaskedLM(RobertaPreLayerNormConfig(**SETTINGS)))
    masked.save_pretrained(folder / "masked")
    out = masked(ids, token_type_ids=segments, labels=labels)
    save_file({"input_ids": ids, "token_type_ids": segments, "labels": labels, "logits": out.logits.detach(),
               "loss": out.loss.detach().reshape(1)}, folder / "masked.safetensors")
    save_file(gradients(masked, out.loss), folder / "masked.gradients.safetensors")

    randomize(RobertaPreLayerNormModel(RobertaPreLayerNormConfig(**SETTINGS), add_pooling_layer=False)).save_pretrained(
        folder / "encoder")

    for name, kind, count in (("sequence", RobertaPreLayerNormForSequenceClassification, 3),
                              ("tokens", RobertaPreLayerNormForTokenClassification, 5)):
        model = randomize(kind(RobertaPreLayerNormConfig(**SETTINGS, num_labels=count)))
        model.save_pretrained(folder / name)
        logits = model(ids, token_type_ids=segments).logits.detach()
        save_file({"logits": logits.contiguous()}, folder / f"{name}.safetensors")

    settings = RobertaPreLayerNormConfig(**SETTINGS)
    translator = randomize(EncoderDecoderModel(EncoderDecoderConfig.from_encoder_decoder_configs(
        settings, RobertaPreLayerNormConfig(**SETTINGS))))
    # Cloze has one token table for source, target and output.
    table = translator.encoder.embeddings.word_embeddings.weight
    translator.decoder.roberta_prelayernorm.embeddings.word_embeddings.weight = table
    translator.decoder.lm_head.decoder.weight = table
    translator.config.pad_token_id, translator.config.decoder_start_token_id = PADDING, 1
    (folder / "translator").mkdir(parents=True, exist_ok=True)
    translator.config.save_pretrained(folder / "translator")
    # save_pretrained refuses tables that are shared between encoder and decoder.
    save_file({name: tensor.clone() for name, tensor in translator.state_dict().items() if "decoder.lm_head.decoder" not in name},
              folder / "translator" / "model.safetensors")
    target = torch.randint(4, 60, (2, 7))
    next_tokens = torch.randint(4, 60, (2, 7))
    logits = translator(input_ids=ids, decoder_input_ids=target).logits
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, 60), next_tokens.reshape(-1))
    save_file({"decoder_input_ids": target, "labels": next_tokens, "logits": logits.detach().contiguous(),
               "loss": loss.detach().reshape(1)}, folder / "translator.safetensors")
    save_file(gradients(translator, loss), folder / "translator.gradients.safetensors")


if __name__ == "__main__":
    main()
