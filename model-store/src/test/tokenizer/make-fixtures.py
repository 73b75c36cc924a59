#!/usr/bin/env python3
"""Makes the small tokenizers that the tests load, and what Hugging Face tokenizers and SentencePiece say they give.

    python3 -m venv venv && venv/bin/pip install tokenizers sentencepiece gguf
    venv/bin/python make-fixtures.py ../resources/io/sluice/modelstore/tokenizer [SmolLM2-135M-Instruct.Q4_1.gguf]

With the path of the GGUF file it writes smollm2.json as well: ids of the table of texts, from a tokenizer that is built
here from the file's vocabulary, independently of Sluice.
"""
import io
import json
import pathlib
import random
import sys

import sentencepiece as spm
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = [
    "", " ", "a", "Hello, world!", "  two leading spaces", "trailing spaces   ", "a  b   c    d", "\n", "\n\n\n", "\r\n",
    "line one\r\nline two\r\n\r\nline four", "tab\tand\ttabs\t\t", "1234567890", "3.14159, 1,000,000 and 2024-11-23",
    "it's we're I'll don't THEY'VE", "CamelCaseAndHTTPServer snake_case kebab-case",
    "def f(x):\n    return x ** 2  # square\n\n\nclass A:\n\tpass\n", "{\"key\": [1, 2.5, null, true], \"s\": \"\\u00e9\"}",
    "naïve café Ångström", "e\u0301 decomposed, \u00e9 composed", "Größe, straße, ÄÖÜ", "Привет, мир! Как дела?",
    "你好，世界！今天天气很好。", "日本語のテキストとカタカナ", "안녕하세요 세계", "مرحبا بالعالم، كيف حالك؟", "שלום עולם", "नमस्ते दुनिया",
    "😀", "👩‍👩‍👧‍👦 family 🏳️‍🌈", "emoji 😀😃 in 🎉 text", "\u200bzero\u200bwidth\ufeff", "non\u00a0breaking\u2003em space",
    "½ ² ³ ① Ⅷ", "٣٤٥ ०१२", "𝕳𝖊𝖑𝖑𝖔 𐍈", "mixed中文and English文字", "....!!!???---___***", "a" * 70, " " * 70, "ab " * 30,
    "<|im_start|>user\nhi<|im_end|>", "<s>not a start</s>", "text <tool> text</tool>", "a<mask> b", "a <mask> b",
    "\u0000\u0001\u001b[0m", "http://example.com/a?b=c&d=%20#e", "x = y\t# tab\n\n  \n z", "’curly’ “quotes” — dash…",
]
CORPUS = [t for t in TEXTS if "<" not in t] * 4 + [
    "the quick brown fox jumps over the lazy dog and the other animals watch it with great interest",
    "a language model predicts the next token of a text from all the tokens before it",
    "servers answer many requests at once and stay predictable when the traffic is not",
] * 30


def texts_with_random():
    rng = random.Random(42)
    alphabet = "abc XYZ 012 \n\t.,'\"é中😀 \u0301я<|>▁"
    return TEXTS + ["".join(rng.choice(alphabet) for _ in range(rng.randint(1, 60))) for _ in range(60)]


def cases(tokenizer, texts):
    return [{"text": t, "ids": tokenizer.encode(t, add_special_tokens=False).ids,
             "decoded": tokenizer.decode(tokenizer.encode(t, add_special_tokens=False).ids, skip_special_tokens=True)}
            for t in texts]


def save(out, name, tokenizer, config):
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    data = json.loads(tokenizer.to_str())
    (folder / "tokenizer.json").write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "cases.json").write_text(json.dumps({
        "with_specials": [{"text": t, "ids": tokenizer.encode(t).ids} for t in ("hello world", "<|im_start|>hi", "")],
        "cases": cases(tokenizer, texts_with_random())}, ensure_ascii=False, indent=0) + "\n")


def byte_level(out):
    """As Llama 3 and Qwen do: a split pattern, bytes, NFC, added tokens behind the vocabulary, one of them ordinary."""
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
                                   r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    t.add_special_tokens(["<|begin|>", "<|im_start|>", "<|im_end|>"])
    t.add_tokens([AddedToken("<tool>", normalized=False), AddedToken("</tool>", normalized=False)])
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False)])
    begin = t.token_to_id("<|begin|>")
    t.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin|> $A", special_tokens=[("<|begin|>", begin)])])
    save(out, "byte-level", t, {"bos_token": "<|begin|>", "eos_token": {"content": "<|im_end|>"}})


def sentence_piece_bpe(out, name, prefix_by_normalizer):
    """As Llama 2 (the space in front of every piece) and Mistral (in front of the first) do."""
    t = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    replace = normalizers.Replace(" ", "▁")
    if prefix_by_normalizer:
        t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), replace])
    else:
        t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                   decoders.Strip(" ", 1, 0)])
    words = [w for text in CORPUS for w in text.split(" ")]
    t.train_from_iterator(words, trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)],
        show_progress=False, limit_alphabet=120))
    data = json.loads(t.to_str())
    data["added_tokens"] = [a for a in data["added_tokens"] if not a["content"].startswith("<0x")]
    t = Tokenizer.from_str(json.dumps(data))
    t.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", t.token_to_id("<s>"))])
    save(out, name, t, {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True})


def unigram(out):
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    t.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    t.train_from_iterator(CORPUS, trainers.UnigramTrainer(
        vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False))
    t.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    save(out, "unigram", t, {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": False})


def sentence_piece_gguf(out):
    """The keys that a GGUF file has for a SentencePiece model, and SentencePiece's own ids."""
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter([c for c in CORPUS if c.strip() and "\0" not in c]), model_writer=model, vocab_size=700,
        model_type="bpe", byte_fallback=True, character_coverage=0.98, normalization_rule_name="identity",
        remove_extra_whitespaces=False, minloglevel=2, num_threads=1)
    sp = spm.SentencePieceProcessor(model_proto=model.getvalue())
    kind = lambda i: 6 if sp.is_byte(i) else 3 if sp.is_control(i) else 2 if sp.is_unknown(i) else 1
    n = sp.get_piece_size()
    (out / "sentencepiece-gguf.json").write_text(json.dumps({
        "tokens": [sp.id_to_piece(i) for i in range(n)], "scores": [sp.get_score(i) for i in range(n)],
        "types": [kind(i) for i in range(n)],
        "cases": [{"text": t, "ids": sp.encode(t), "decoded": sp.decode(sp.encode(t))}
                  for t in texts_with_random() if "<s>" not in t and t and "▁" not in t and "\0" not in t]},
        ensure_ascii=False, indent=0) + "\n")


def smollm2(out, path):
    from gguf import GGUFReader
    fields = GGUFReader(path).fields
    strings = lambda key: [bytes(fields[key].parts[i]).decode() for i in fields[key].data]
    tokens = strings("tokenizer.ggml.tokens")
    merges = [tuple(m.split(" ")) for m in strings("tokenizer.ggml.merges")]
    kinds = [int(fields["tokenizer.ggml.token_type"].parts[i][0]) for i in fields["tokenizer.ggml.token_type"].data]
    t = Tokenizer(models.BPE(vocab={s: i for i, s in enumerate(tokens)}, merges=merges))
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens([s for s, k in zip(tokens, kinds) if k == 3])
    (out / "smollm2.json").write_text(
        json.dumps({"cases": cases(t, texts_with_random())}, ensure_ascii=False, indent=0) + "\n")


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    byte_level(target)
    sentence_piece_bpe(target, "space-before-every-piece", True)
    sentence_piece_bpe(target, "space-before-first-piece", False)
    unigram(target)
    sentence_piece_gguf(target)
    if len(sys.argv) > 2:
        smollm2(target, sys.argv[2])
