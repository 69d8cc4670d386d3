"""Tiny random RoFormers as transformers saves them, with their logits, losses and gradients in float32.

  make_roformer.py FOLDER

With the masked-language head, with a classifier of tokens, and as encoder and decoder of a translator. Run in the environment of
scripts/setup-python.
"""

import sys
from pathlib import Path

import torch
from make_pre_norm import gradients
from safetensors.torch import save_file
from transformers import (
    EncoderDecoderConfig, EncoderDecoderModel, RoFormerConfig, RoFormerForMaskedLM, RoFormerForTokenClassification)

SETTINGS = dict(
    vocab_size=60, hidden_size=16, embedding_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
    max_position_embeddings=12, type_vocab_size=2, pad_token_id=0, hidden_act="gelu", initializer_range=0.2)


def randomize(model):
    """Norms and biases start as ones and zeros, which would hide an exchange."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.eval()


def main():
    folder = Path(sys.argv[1])
    torch.manual_seed(6)
    ids = torch.randint(4, 60, (2, 9))
    segments = torch.randint(0, 2, (2, 9))
    labels = torch.where(torch.rand(2, 9) < 0.4, torch.randint(4, 60, (2, 9)), torch.tensor(-100))

    masked = randomize(RoFormerForMaskedLM(RoFormerConfig(**SETTINGS)))
    masked.save_pretrained(folder / "masked")
    out = masked(ids, token_type_ids=segments, labels=labels)
    save_file({"input_ids": ids, "token_type_ids": segments, "labels": labels, "logits": out.logits.detach(),
               "loss": out.loss.detach().reshape(1)}, folder / "masked.safetensors")
    save_file(gradients(masked, out.loss), folder / "masked.gradients.safetensors")

    tagger = randomize(RoFormerForTokenClassification(RoFormerConfig(**SETTINGS, num_labels=5)))
    tagger.save_pretrained(folder / "tokens")
    save_file({"logits": tagger(ids, token_type_ids=segments).logits.detach().contiguous()}, folder / "tokens.safetensors")

    translator = randomize(EncoderDecoderModel(EncoderDecoderConfig.from_encoder_decoder_configs(
        RoFormerConfig(**SETTINGS), RoFormerConfig(**SETTINGS))))
    # Cloze has one token table for source, target and output.
    table = translator.encoder.embeddings.word_embeddings.weight
    translator.decoder.roformer.embeddings.word_embeddings.weight = table
    translator.decoder.cls.predictions.decoder.weight = table
    translator.config.pad_token_id, translator.config.decoder_start_token_id = 0, 1
    (folder / "translator").mkdir(parents=True, exist_ok=True)
    translator.config.save_pretrained(folder / "translator")
    # save_pretrained refuses tables that are shared between encoder and decoder.
    save_file({name: tensor.clone() for name, tensor in translator.state_dict().items()
               if "predictions.decoder" not in name}, folder / "translator" / "model.safetensors")
    target = torch.randint(4, 60, (2, 7))
    next_tokens = torch.randint(4, 60, (2, 7))
    logits = translator(input_ids=ids, decoder_input_ids=target).logits
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, 60), next_tokens.reshape(-1))
    save_file({"decoder_input_ids": target, "labels": next_tokens, "logits": logits.detach().contiguous(),
               "loss": loss.detach().reshape(1)}, folder / "translator.safetensors")
    save_file(gradients(translator, loss), folder / "translator.gradients.safetensors")


if __name__ == "__main__":
    main()
