import ClozeCompute
import ClozeCore
import ClozeEvaluation
import ClozeModel
import ClozeTraining
import Foundation

// The files of models and runs.

extension FuzzTarget {
  static func safetensors(_ name: String) throws -> FuzzTarget {
    let folder = try ScratchFolder()
    let seedFile = folder.url.appendingPathComponent("seed.safetensors")
    let floats: [Float] = [1, 2, 3, 4, 5, 6]
    let integers: [Int32] = [7, 8]
    try floats.withUnsafeBufferPointer { floats in
      try integers.withUnsafeBufferPointer { integers in
        var writer = TensorFileWriter()
        writer.add("a", shape: [2, 3], floats: floats)
        writer.add("b", shape: [2], integers: integers)
        try writer.write(to: seedFile)
      }
    }
    let seed = [UInt8](try Data(contentsOf: seedFile))
    return try file(name, called: "model.safetensors", seeds: [seed]) { url, _ in
      let file = try TensorFile(url)
      for (name, entry) in file.entries {
        if entry.type.hasPrefix("I") { _ = try file.integers(name) } else { _ = try file.floats(name) }
      }
    }
  }

  static func modelConfiguration(_ name: String) throws -> FuzzTarget {
    let seed = """
      {"model_type": "bert", "vocab_size": 30, "num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2,
       "intermediate_size": 16, "max_position_embeddings": 16, "type_vocab_size": 2, "hidden_act": "gelu",
       "hidden_dropout_prob": 0.1, "layer_norm_eps": 1e-12, "is_decoder": false, "tie_word_embeddings": true}
      """
    return try file(name, called: "config.json", seeds: [Array(seed.utf8)]) { _, folder in
      _ = try ModelArchive.kind(of: folder)
      _ = try ModelArchive.encoderConfiguration(folder)
    }
  }

  /// The list of the files that hold a model's tensors.
  static func weightsIndex(_ name: String) throws -> FuzzTarget {
    let seed = """
      {"metadata": {"total_size": 24},
       "weight_map": {"embeddings.LayerNorm.gamma": "a.safetensors", "pooler.dense.bias": "a.safetensors"}}
      """
    let floats: [Float] = [1, 2, 3]
    let prepare = { (folder: URL) in
      try Data(#"{"model_type": "bert"}"#.utf8).write(to: folder.appendingPathComponent("config.json"))
      try floats.withUnsafeBufferPointer { floats in
        var writer = TensorFileWriter()
        for name in ["embeddings.LayerNorm.gamma", "pooler.dense.bias"] {
          writer.add(name, shape: [3], floats: floats)
        }
        try writer.write(to: folder.appendingPathComponent("a.safetensors"))
      }
    }
    return try file(
      name, called: "model.safetensors.index.json", seeds: [Array(seed.utf8)], prepare: prepare
    ) { _, folder in
      _ = try ModelArchive.weightsDigest(folder)
      _ = try ModelArchive.metadata(folder)
      _ = try ModelArchive.unreadTensors(folder)
    }
  }

  /// A checkpoint's manifest, and going on from where it says.
  static func checkpoint(_ name: String) throws -> FuzzTarget {
    let model = Data("weights".utf8)
    let prepare = { (folder: URL) in try model.write(to: folder.appendingPathComponent("model.safetensors")) }
    let sample = try ScratchFolder()
    try prepare(sample.url)
    var cursor = RunCursor()
    for step in 0..<4 { cursor.advance(tokens: 10, seconds: 0.5, isTaken: step != 2) }
    try CheckpointManifest.write(
      to: sample.url, purpose: "pretrain", cursor: cursor, identities: ["data": Digest(of: "data").hex])
    let url = sample.url.appendingPathComponent(CheckpointManifest.fileName)
    let sealed = try Data(contentsOf: url)
    // Without its own digest, changes reach what reads the rest.
    var members = try JSONSerialization.jsonObject(with: sealed) as? [String: Any] ?? [:]
    members["digest"] = nil
    let bare = try JSONSerialization.data(withJSONObject: members)
    let seeds = [[UInt8](sealed), [UInt8](bare)]
    return try file(name, called: CheckpointManifest.fileName, seeds: seeds, prepare: prepare) { _, folder in
      var cursor = try CheckpointManifest.verified(folder).cursor
      let earlier = cursor
      cursor.advance(tokens: 1 << 20, seconds: 1, isTaken: false)
      // Times the windows of a batch at most.
      _ = cursor.returned(to: earlier).batch * (1 << 20)
    }
  }

  static func settings(_ name: String) throws -> FuzzTarget {
    let seed = """
      # A comment
      seed: 3
      model: {layerCount: 1, hiddenSize: 32, headCount: 2, feedForwardSize: 64, positionCount: 64}
      batch:
        windowLength: 32
        windows: 4
        microbatchWindows: 2
      optimizer: {schedule: {warmupSteps: 5}, learningRate: 3e-4}
      validation: &v {windows: 4}
      stop: {steps: 60}
      """
    return try file(name, called: "settings.yaml", seeds: [Array(seed.utf8)]) { url, _ in
      _ = try PretrainConfiguration.load(file: url, overrides: [])
    }
  }
}
