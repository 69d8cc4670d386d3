internal import ClozeCore
internal import ClozeText

// Reads `index.json`. The index of ten gigabytes of shards has some twenty megabytes, and every tool reads it at its
// start. This takes a tenth of the time of `Decodable`.

extension DataIndex {
  /// - Throws: `JSONSyntaxError`
  init(_ reader: inout JSONReader) throws {
    var (version, tokenizer, vocabularySize, tokenBits) = (Int?.none, Digest?.none, Int?.none, Int?.none)
    var (corpus, seed, validationRate) = (Digest?.none, UInt64?.none, Double?.none)
    var (train, validation) = (Part?.none, Part?.none)
    var (unigramEntropy, unigrams) = (Double?.none, Digest?.none)
    var unknownText: UnknownText?
    try reader.distinctKeys { reader, key in
      switch key {
      case "version": version = try reader.integer()
      case "tokenizer": tokenizer = try reader.digest()
      case "vocabularySize": vocabularySize = try reader.integer()
      case "tokenBits": tokenBits = try reader.integer()
      case "corpus": corpus = try reader.digest()
      case "seed": seed = try reader.unsignedInteger()
      case "validationRate": validationRate = try reader.number()
      case "train": train = try Part(&reader)
      case "validation": validation = try Part(&reader)
      case "unigramEntropy": unigramEntropy = try reader.number()
      case "unigrams": unigrams = try reader.digest()
      case "unknownText": unknownText = try reader.unknownText()
      default: try reader.skip()
      }
    }
    self.version = try reader.require(version, "version")
    self.tokenizer = try reader.require(tokenizer, "tokenizer")
    self.vocabularySize = try reader.require(vocabularySize, "vocabularySize")
    self.tokenBits = try reader.require(tokenBits, "tokenBits")
    self.corpus = try reader.require(corpus, "corpus")
    self.seed = try reader.require(seed, "seed")
    self.validationRate = try reader.require(validationRate, "validationRate")
    self.train = try reader.require(train, "train")
    self.validation = try reader.require(validation, "validation")
    self.unigramEntropy = try reader.require(unigramEntropy, "unigramEntropy")
    self.unigrams = try reader.require(unigrams, "unigrams")
    self.unknownText = unknownText
  }

  /// The version alone, of an index of any version.
  static func version(_ reader: inout JSONReader) throws -> Int? {
    var version: Int?
    try reader.distinctKeys { reader, key in
      if key == "version" { version = try reader.integer() } else { try reader.skip() }
    }
    return version
  }
}

extension DataIndex.Part {
  fileprivate init(_ reader: inout JSONReader) throws {
    var (documents, words, tokens, bytes) = (Int?.none, Int?.none, Int?.none, Int?.none)
    var (files, quarantine) = ([DataIndex.File]?.none, [Int]?.none)
    try reader.distinctKeys { reader, key in
      switch key {
      case "documents": documents = try reader.integer()
      case "words": words = try reader.integer()
      case "tokens": tokens = try reader.integer()
      case "bytes": bytes = try reader.integer()
      case "files": files = try reader.list { try DataIndex.File(&$0) }
      case "quarantine": quarantine = try reader.list { try $0.integer() }
      default: try reader.skip()
      }
    }
    self.documents = try reader.require(documents, "documents")
    self.words = try reader.require(words, "words")
    self.tokens = try reader.require(tokens, "tokens")
    self.bytes = try reader.require(bytes, "bytes")
    self.files = try reader.require(files, "files")
    self.quarantine = try reader.require(quarantine, "quarantine")
  }
}

extension DataIndex.File {
  fileprivate init(_ reader: inout JSONReader) throws {
    var (name, size, digest) = (String?.none, Int?.none, Digest?.none)
    var frames: [DataIndex.Frame]?
    try reader.distinctKeys { reader, key in
      switch key {
      case "name": name = try reader.string()
      case "size": size = try reader.integer()
      case "digest": digest = try reader.digest()
      case "frames": frames = try reader.list { try DataIndex.Frame(&$0) }
      default: try reader.skip()
      }
    }
    self.name = try reader.require(name, "name")
    self.size = try reader.require(size, "size")
    self.digest = try reader.require(digest, "digest")
    self.frames = try reader.require(frames, "frames")
  }
}

extension DataIndex.Frame {
  fileprivate init(_ reader: inout JSONReader) throws {
    var (offset, size, tokens, documents) = (Int?.none, Int?.none, Int?.none, Int?.none)
    var (continues, digest) = (Bool?.none, Digest?.none)
    try reader.distinctKeys { reader, key in
      switch key {
      case "offset": offset = try reader.integer()
      case "size": size = try reader.integer()
      case "tokens": tokens = try reader.integer()
      case "documents": documents = try reader.integer()
      case "continues": continues = try reader.boolean()
      case "digest": digest = try reader.digest()
      default: try reader.skip()
      }
    }
    self.offset = try reader.require(offset, "offset")
    self.size = try reader.require(size, "size")
    self.tokens = try reader.require(tokens, "tokens")
    self.documents = try reader.require(documents, "documents")
    self.continues = try reader.require(continues, "continues")
    self.digest = try reader.require(digest, "digest")
  }
}

extension JSONReader {
  /// Reads an object none of whose keys comes twice.
  fileprivate mutating func distinctKeys(_ member: (inout JSONReader, _ key: String) throws -> Void) throws {
    var keys: Set<String> = []
    try object { reader, key in
      guard keys.insert(key).inserted else { throw reader.failure("has the key '\(key)' twice, the second") }
      try member(&reader, key)
    }
  }

  fileprivate mutating func unknownText() throws -> UnknownText {
    let value = try JSONValue(&self)
    guard let text = try? value.decoded(UnknownText.self) else {
      throw failure("has no counts of unknown text where they belong")
    }
    return text
  }

  fileprivate mutating func list<Element>(_ element: (inout JSONReader) throws -> Element) throws -> [Element]
  {
    var elements: [Element] = []
    try array { elements.append(try element(&$0)) }
    return elements
  }

  /// - Throws: `JSONSyntaxError` if the object that was just read lacks the key.
  fileprivate func require<Value>(_ value: Value?, _ key: String) throws -> Value {
    guard let value else { throw failure("ends an object without '\(key)'") }
    return value
  }
}
