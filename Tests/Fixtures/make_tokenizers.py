"""Tokenizer folders as people have them, each with the ids that transformers gives. Run as: make_tokenizers.py FOLDER"""
import json, os, random, shutil, sys
from pathlib import Path
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import transformers as t
from tokenizers import AddedToken

root = Path(sys.argv[1])
shutil.rmtree(root, ignore_errors=True)
pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "on", "mat", "zo", "##e", "##é", "##̈", "zoe", "cafe", "café",
          "caf", "Cat", "ab", "abc", "co", "##vid", "##19", "19", "new", "to", "##ken", "##s", "token", "我", "们", "爱", "我们", "##们", "##爱",
          "e", "1", "<", ">", "e1", ".", ",", "-", "_", "x", "##x", "##c", "a", "b", "##b", "İ", "i", "##̇", "zoë", "Zoë", "##19x", "ß", "é"]
texts = ["the cat sat on the mat.", "The Cat", "Zoë zoe café CAFE cafe\u0301", "我们爱我们", "我 们 the我们cat", "covid19 COVID19 covid", "new token newtoken New Tokens",
         "abc ab xabx ab_ ab. -ab-", "<e1>the cat<e1>", "  <e1>  the  ", "İ i\u0307 ß", "the<E1>cat", "tail tokens x-new token-x", "ab\u0301 ab é", "", " ", "<e1><e1>ab ab",
         "foo bar foobar Foo\u200dbar foo\tbar", "中foo中bar", "foo1 foo_ _foo (foo)", "[foo] [unused1] [Unused1]", "[unused1]x", "a\u00a0<e1>\u3000b"]
random.seed(5)
parts = ["the", "cat", "ab", "foo", "bar", "Foo", "<e1>", "<E1>", "covid", "COVID", "new token", "New  token", "Zoë", "zoe\u0308", "我们", "我", "爱", " ", "  ", "\t", "x", "_", "-", ".", "1", "é",
         "\u0301", "\u200d", "[unused1]", "\u3000", "İ", "[", "]", "s"]
texts += ["".join(random.choice(parts) for _ in range(random.randint(1, 9))) for _ in range(150)]


def folder(name, config=None, change=None, keep_json=True, model=None, **files):
    path = root / name
    path.mkdir(parents=True)
    (path / "vocab.txt").write_text("".join(p + "\n" for p in pieces), "utf-8")
    plain = t.BertTokenizer(vocab={p: i for i, p in enumerate(pieces)})
    if change:
        change(plain)
    plain.save_pretrained(path)
    written = json.loads((path / "tokenizer_config.json").read_text())
    if keep_json:
        (path / "vocab.txt").unlink()
    else:
        (path / "tokenizer.json").unlink()
    if config is not None:
        (path / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1), "utf-8")
    if config == {}:
        (path / "tokenizer_config.json").unlink()
    if model:
        (path / "config.json").write_text(json.dumps(model))
    for file, value in files.items():
        (path / (file + ".json")).write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    tokenizer = t.AutoTokenizer.from_pretrained(path)
    cases = [{"text": text, "ids": tokenizer(text, add_special_tokens=False)["input_ids"]} for text in texts]
    masked = ["the [MASK] sat", "[MASK]<e1>[MASK] ab[MASK]", "[mask] foo[MASK]foo"]
    prompts = [{"text": text, "ids": tokenizer(text, add_special_tokens=False)["input_ids"]} for text in masked]
    (path / "cases.json").write_text(json.dumps({"count": len(tokenizer), "cases": cases, "prompts": prompts}, ensure_ascii=False), "utf-8")
    print(name, type(tokenizer).__name__, len(tokenizer), sum(f.stat().st_size for f in path.iterdir()), sorted(f.name for f in path.iterdir()))


def used(tokenizer):
    tokenizer("the cat", truncation=True, max_length=5, padding="max_length")
    tokenizer._tokenizer.enable_truncation(5)
    tokenizer._tokenizer.enable_padding(length=9)


def added(tokenizer):
    tokenizer.add_tokens(["covid19", "new token", "我们爱", "Zoë", "ab", AddedToken("foo", single_word=True),
                          AddedToken("bar", lstrip=True, rstrip=True, normalized=False), AddedToken("x-", single_word=True, normalized=False)])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<e1>", "[unused1]", "cat"]} if hasattr(tokenizer, "additional_special_tokens") else {"extra_special_tokens": ["<e1>", "[unused1]", "cat"]})


def token(content, special=False, **flags):
    return {"content": content, "lstrip": False, "rstrip": False, "normalized": not special, "single_word": False, "special": special, **flags}


named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
five = {str(i): token(s, True) for i, s in enumerate(pieces[:5])}
n = len(pieces)
folder("used", change=used)
folder("keeps-accents", {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "strip_accents": False})
folder("joins-chinese", {"tokenizer_class": "BertTokenizerFast", "do_lower_case": True, "tokenize_chinese_chars": False})
folder("cased", {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": None})
folder("general-class", {"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": False, "strip_accents": False, **named})
folder("no-class", {"do_lower_case": False, **named}, model={"model_type": "bert"})
folder("bare-model", {}, model={"model_type": "bert"})
folder("added", change=added)
folder("added-cased", {"tokenizer_class": "BertTokenizer", "do_lower_case": False}, change=added)
folder("list", {"tokenizer_class": "BertTokenizer", "strip_accents": False, **named}, keep_json=False)
folder("list-decoder", {"tokenizer_class": "BertTokenizer", "do_lower_case": True, **named,
                        "added_tokens_decoder": {**five, str(n): token("foo", single_word=True), str(n + 1): token("<e1>", True), str(n + 2): token("new token")}}, keep_json=False)
folder("list-legacy", {"tokenizer_class": "BertTokenizer", "do_lower_case": True}, keep_json=False,
       special_tokens_map=named, added_tokens={"foo": n, "<e1>": n + 1})
folder("extra-special", {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "additional_special_tokens": ["<e1>", "cat"], **named})
folder("mask-strips", {"tokenizer_class": "BertTokenizer", "do_lower_case": True, **named, "mask_token": token("[MASK]", True, lstrip=True, __type="AddedToken")})
