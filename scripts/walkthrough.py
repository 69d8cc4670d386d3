#!/usr/bin/env python3
"""The numbers of docs/walkthrough.md, computed again from the files and from the formulas in the sources' comments.

  scripts/walkthrough.py SHARDS SENTENCE BEFORE AFTER

SHARDS    a data folder; the settings are those of the walkthrough (seed, window length, windows, selection rate)
SENTENCE  a document of its train split, such as 我爱你。
BEFORE    the checkpoint before the step that trains on the sentence
AFTER     the checkpoint after that step

It is a second implementation of everything between the shards and the update: Philox, the order of windows, masks, the
encoder, the loss, the gradient of one parameter, AdamW. Needs numpy and the zstd command.
"""

import json
import math
import struct
import subprocess
import sys

import numpy as np

SEED, LENGTH, WINDOWS, RATE, HEADS, PEAK, WARMUP, STEPS = 1, 64, 8, 0.4, 4, 1.5e-3, 200, 3000
BETA1, BETA2, EPSILON, CLIP = 0.9, 0.98, 1e-6, 1.0
MASK64, MASK32 = (1 << 64) - 1, (1 << 32) - 1
ORDER, WINDOW_OFFSET, MASKING = 2, 3, 4


# Sources/ClozeCore/CounterRandom.swift


def philox(counter, key):
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        first, second = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = second >> 32 ^ c1 ^ k0, second & MASK32, first >> 32 ^ c3 ^ k1, first & MASK32
        k0, k1 = k0 + 0x9E3779B9 & MASK32, k1 + 0xBB67AE85 & MASK32
    return c0, c1, c2, c3


class CounterRandom:
    def __init__(self, purpose, epoch, index=0):
        mixed = philox((epoch & MASK32, epoch >> 32, purpose, 0x436C6F7A), (SEED & MASK32, SEED >> 32))
        self.key, self.index, self.position, self.spare = mixed[:2], index, 0, None

    def next(self):
        if self.spare is not None:
            word, self.spare = self.spare, None
            return word
        position = self.position
        w = philox((position & MASK32, position >> 32, self.index & MASK32, self.index >> 32), self.key)
        self.position += 1
        self.spare = w[2] | w[3] << 32
        return w[0] | w[1] << 32

    def uniform(self):
        return (self.next() >> 11) * 2.0**-53

    def below(self, bound):
        product = self.next() * bound
        while product & MASK64 < (1 << 64) % bound:
            product = self.next() * bound
        return product >> 64


# Sources/ClozeCore/Permutation.swift


class Permutation:
    def __init__(self, count, random):
        self.count, self.bits = count, 1
        while 1 << 2 * self.bits < count:
            self.bits += 1
        self.keys = [random.next() for _ in range(4)]

    def __getitem__(self, value):
        mask = (1 << self.bits) - 1
        while True:
            left, right = value >> self.bits, value & mask
            for key in self.keys:
                z = right ^ key
                z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK64
                z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK64
                left, right = right, left ^ (z ^ z >> 31) & mask
            value = left << self.bits | right
            if value < self.count:
                return value


# docs/format.md


def read_documents(folder):
    """Each document of the train split, as (frame, first token in the frame, ids)."""
    index = json.load(open(f"{folder}/index.json"))
    documents, begun = [], []
    for shard in index["train"]["files"]:
        data = open(f"{folder}/{shard['name']}", "rb").read()
        for frame in shard["frames"]:
            packed = data[frame["offset"] : frame["offset"] + frame["size"]]
            raw = subprocess.run(["zstd", "-dc"], input=packed, stdout=subprocess.PIPE, check=True).stdout
            _, _, width, _, number, tokens, ends, _, _, _ = struct.unpack_from("<IBBHIIIIQQ", raw)
            ids = struct.unpack_from(f"<{tokens}{'H' if width == 2 else 'I'}", raw, 40)
            start = 0
            for end in struct.unpack_from(f"<{ends}I", raw, 40 + tokens * width):
                documents.append((number, start, begun + list(ids[start:end])))
                begun, start = [], end
            begun += list(ids[start:])
    return documents


def read_tensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"]).astype(float)
        for name, entry in header.items()
    }


# Sources/ClozeData/Windows/PackedWindows.swift, Sources/ClozeData/Masking/Masking.swift


class Samples:
    def __init__(self, documents, vocabulary):
        self.vocabulary = vocabulary
        pad, unk, self.cls, self.sep, self.mask = range(5)
        self.ordinary = range(5, len(vocabulary))
        self.stream, self.starts = [], []
        for _, _, ids in documents:
            self.starts.append(len(self.stream))
            self.stream += [self.cls, *ids, self.sep]
        self.is_start = set(self.starts)
        self.count = len(self.stream) // LENGTH

    def sample_of(self, position, epoch):
        """The sample of an epoch whose window has a position of the stream."""
        window = (position - self.offset(epoch)) // LENGTH
        order = Permutation(self.count, CounterRandom(ORDER, epoch))
        return epoch * self.count + next(i for i in range(self.count) if order[i] == window)

    def offset(self, epoch):
        return CounterRandom(WINDOW_OFFSET, epoch).below(LENGTH)

    def masked(self, sample):
        epoch = sample // self.count
        window = Permutation(self.count, CounterRandom(ORDER, epoch))[sample % self.count]
        first = window * LENGTH + self.offset(epoch)
        places = [(first + i) % len(self.stream) for i in range(LENGTH)]
        tokens = [self.stream[place] for place in places]
        starts = [0] + [i for i in range(1, LENGTH) if places[i] in self.is_start]
        random = CounterRandom(MASKING, epoch, sample)
        selectable = [i for i in range(LENGTH) if tokens[i] > 4]
        budget = max(1, math.floor(RATE * len(selectable) + 0.5)) if selectable else 0
        for i in range(budget):
            j = i + random.below(len(selectable) - i)
            selectable[i], selectable[j] = selectable[j], selectable[i]
        inputs, selected = list(tokens), []
        for position in sorted(selectable[:budget]):
            draw = random.uniform()
            outcome = "masked" if draw < 0.8 else "replaced" if draw < 0.8 + 0.1 else "kept"
            if outcome == "masked":
                inputs[position] = self.mask
            elif outcome == "replaced":
                inputs[position] = self.ordinary[random.below(len(self.ordinary))]
            selected.append((position, draw, outcome))
        return window, first, places, tokens, starts, inputs, selected

    def text(self, ids):
        return " ".join(self.vocabulary[i] for i in ids)


# Sources/ClozeModel, Sources/ClozeCompute

erf = np.vectorize(math.erf)


def gelu(x):
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


def forward(weights, tokens, positions, spans, asked):
    """The logits [M, V] at the rows `asked`."""

    def linear(x, name):
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    def norm(x, name):
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12) * weights[name + ".weight"] + weights[name + ".bias"]

    table = weights["bert.embeddings.word_embeddings.weight"]
    x = table[tokens] + weights["bert.embeddings.position_embeddings.weight"][positions]
    x = norm(x + weights["bert.embeddings.token_type_embeddings.weight"][0], "bert.embeddings.LayerNorm")
    width = x.shape[1] // HEADS
    layer = 0
    while (path := f"bert.encoder.layer.{layer}") + ".output.dense.bias" in weights:
        q, k, v = (linear(x, f"{path}.attention.self.{name}") for name in ("query", "key", "value"))
        context = np.zeros_like(x)
        for rows in spans:
            for columns in (slice(h * width, (h + 1) * width) for h in range(HEADS)):
                scores = np.exp(q[rows, columns] @ k[rows, columns].T / math.sqrt(width))
                context[rows, columns] = scores / scores.sum(-1, keepdims=True) @ v[rows, columns]
        x = norm(x + linear(context, f"{path}.attention.output.dense"), f"{path}.attention.output.LayerNorm")
        inner = gelu(linear(x, f"{path}.intermediate.dense"))
        x = norm(x + linear(inner, f"{path}.output.dense"), f"{path}.output.LayerNorm")
        layer += 1
    head = "cls.predictions.transform"
    x = norm(gelu(linear(x[asked], f"{head}.dense")), f"{head}.LayerNorm")
    return x @ table.T + weights["cls.predictions.bias"]


def evaluate_step(weights, samples, step):
    """Logits, probabilities, labels, outcomes, and where each prediction is: (sample, position)."""
    tokens, positions, spans, asked, labels, outcomes, where = [], [], [], [], [], [], []
    for sample in range(step * WINDOWS, (step + 1) * WINDOWS):
        _, _, _, truth, starts, inputs, selected = samples.masked(sample)
        base = len(tokens)
        for start, end in zip(starts, starts[1:] + [LENGTH]):
            spans.append(slice(base + start, base + end))
            positions += range(end - start)
        tokens += inputs
        for position, _, outcome in selected:
            asked.append(base + position)
            labels.append(truth[position])
            outcomes.append(outcome)
            where.append((sample, position))
    logits = forward(weights, tokens, positions, spans, asked)
    probabilities = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities /= probabilities.sum(-1, keepdims=True)
    return logits, probabilities, np.array(labels), outcomes, where


def adamw(weight, m, v, gradient, step, norm):
    """One parameter without weight decay, after a step with this norm of the whole gradient."""
    gradient *= min(1, CLIP / (norm + 1e-6))
    rate = PEAK * (1 - (step - WARMUP) / (STEPS - WARMUP))
    m, v = BETA1 * m + (1 - BETA1) * gradient, BETA2 * v + (1 - BETA2) * gradient**2
    m_hat, v_hat = m / (1 - BETA1 ** (step + 1)), v / (1 - BETA2 ** (step + 1))
    return rate, gradient, m, v, weight - rate * m_hat / (math.sqrt(v_hat) + EPSILON)


def main(shards, sentence, before, after):
    vocabulary = open(f"{shards}/vocab.txt", encoding="utf-8").read().split("\n")[:-1]
    documents = read_documents(shards)
    ids = [vocabulary.index(character) for character in sentence]
    number = next(i for i, document in enumerate(documents) if document[2] == ids)
    samples = Samples(documents, vocabulary)
    print(f"document {number} of the train split: frame {documents[number][0]}, tokens from {documents[number][1]}, ids {ids}")
    print(f"stream: {len(samples.stream)} positions, {samples.count} windows; [CLS] of the document at {samples.starts[number]}")

    sample = samples.sample_of(samples.starts[number], 0)
    step = sample // WINDOWS
    window, first, places, tokens, starts, inputs, selected = samples.masked(sample)
    place = places.index(samples.starts[number])
    print(f"epoch 0: offset {samples.offset(0)}, window {window} from {first}, sample {sample}, step {step} (from 0)")
    print(f"the document is at {place} to {place + len(ids) + 1} of its window; documents begin at {starts}")
    print(f"window  {samples.text(tokens)}")
    print(f"input   {samples.text(inputs)}")
    for position, draw, outcome in selected:
        print(f"  {position:2}  {vocabulary[tokens[position]]:8} {draw:.3f} {outcome:8} {vocabulary[inputs[position]]}")

    weights = [read_tensors(f"{folder}/model.safetensors") for folder in (before, after)]
    moments = [read_tensors(f"{folder}/optimizer.safetensors") for folder in (before, after)]
    position = next(p for p, _, outcome in selected if place < p <= place + len(ids) and outcome == "masked")
    for name, model in zip(("before", "after"), weights):
        logits, p, labels, outcomes, where = evaluate_step(model, samples, step)
        row, count = where.index((sample, position)), len(labels)
        losses = -np.log(p[np.arange(count), labels])
        best = np.argsort(-p[row])[:5]
        print(f"{name} the step: loss {losses.mean():.7f}, accuracy {np.mean(logits.argmax(-1) == labels):.7f} over {count} predictions")
        print("  " + ", ".join(f"{kind} {outcomes.count(kind)}" for kind in ("masked", "replaced", "kept")))
        label = labels[row]
        print(f"  {vocabulary[label]}: logit {logits[row, label]:.4f}, probability {p[row, label]:.6f}, loss {losses[row]:.4f}")
        print("  " + "  ".join(f"{vocabulary[t]} {logits[row, t]:.3f} {p[row, t]:.4f}" for t in best))
        if name == "before":
            target = labels == label
            gradient = (p[:, label] - target).sum() / count
            print(f"gradient of the output bias of {vocabulary[label]}: {gradient:.9f}; this row's part {(p[row, label] - 1) / count:.9f}; {target.sum()} of the labels")

    norm = next(e["gradientNorm"] for e in map(json.loads, open(f"{before}/../metrics.jsonl")) if e["event"] == "train" and e["step"] == step + 1)
    bias, m, v = "cls.predictions.bias", "m.head.outputBias", "v.head.outputBias"
    old = weights[0][bias][label], moments[0][m][label], moments[0][v][label]
    rate, clipped, *new = adamw(*old, gradient, step, norm)
    found = moments[1][m][label], moments[1][v][label], weights[1][bias][label]
    print(f"norm {norm:.6f}, clipped gradient {clipped:.9f}, learning rate {rate:.10f}")
    for name, was, computed, is_now in zip(("m", "v", "bias"), (old[1], old[2], old[0]), new, found):
        print(f"  {name:4}  {was:.9g} -> {computed:.9g} computed, {is_now:.9g} in the checkpoint")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
