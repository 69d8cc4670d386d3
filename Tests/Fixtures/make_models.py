"""Tiny random models as transformers saves them, each with what it computes. Run as: make_models.py FOLDER"""
import json, os, shutil, sys
from pathlib import Path
import torch, transformers as t
from safetensors.torch import load_file, save_file

root = Path(sys.argv[1])
shutil.rmtree(root, ignore_errors=True)
ids = torch.tensor([[2, 9, 17, 4, 23, 11, 3], [2, 30, 5, 12, 12, 28, 3]])


def config(**more):
    return t.BertConfig(**{**dict(vocab_size=32, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
                                  max_position_embeddings=16, initializer_range=0.5), **more})


def make(name, kind, change=None, dtype=torch.float32, save={}, **more):
    torch.manual_seed(len(name) * 1000 + sum(name.encode()))
    model = kind(config(**more)).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases too, so that each shows
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    folder = root / name
    model.to(dtype).save_pretrained(folder, **save)
    if change:
        change(folder)
    # What transformers reads is what counts, in float32.
    model = kind.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        out = model(input_ids=ids, output_hidden_states=True)
    expected = {"input_ids": ids, "last_hidden_state": out.hidden_states[-1]}
    logits = out.get("prediction_logits", out.get("logits"))
    if kind in (t.BertForMaskedLM, t.BertForPreTraining):
        expected["logits"] = logits
    save_file({k: v.contiguous() for k, v in expected.items()}, folder / "expected.safetensors")
    (folder / "generation_config.json").unlink(missing_ok=True)
    print(name, sum(f.stat().st_size for f in folder.iterdir()), sorted(f.name for f in folder.iterdir()))


def rename(change):
    def run(folder):
        path = folder / "model.safetensors"
        tensors = {change(k): v for k, v in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
    return run


def old(folder):
    rename(lambda k: k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"))(folder)
    path = folder / "config.json"
    c = json.loads(path.read_text())
    for key in ("hidden_act", "layer_norm_eps", "type_vocab_size", "tie_word_embeddings", "dtype", "transformers_version"):
        c.pop(key, None)
    c.update(finetuning_task=None, output_past=True, pruned_heads={}, torchscript=False, gradient_checkpointing=False,
             chunk_size_feed_forward=7, position_embedding_type="absolute", torch_dtype="float32", directionality="bidi")
    path.write_text(json.dumps(c, indent=2))


def buffers(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["embeddings.position_ids"] = torch.arange(16)[None]
    save_file(tensors, path, metadata={"format": "pt"})


def decoder_bias(folder):
    rename(lambda k: "cls.predictions.decoder.bias" if k == "cls.predictions.bias" else k)(folder)


M = t.BertForMaskedLM
make("old-names", M, old)
make("padded", M, vocab_size=64)
make("sharded", M, save=dict(max_shard_size="3KB"))
make("float16", M, dtype=torch.float16)
make("bfloat16", M, dtype=torch.bfloat16)
make("float64", M, dtype=torch.float64)
make("untied", M, tie_word_embeddings=False)
make("output-bias", M, decoder_bias)
make("mish", M, hidden_act="mish")
make("pytorch-tanh", M, hidden_act="gelu_pytorch_tanh")
make("pretraining", t.BertForPreTraining)
make("bare", t.BertModel, buffers)
make("prefixed", t.BertModel, rename(lambda k: "bert." + k))
make("next-sentence", t.BertForNextSentencePrediction)
make("classifier", t.BertForSequenceClassification)
make("tagger", t.BertForTokenClassification)
make("answers", t.BertForQuestionAnswering)
