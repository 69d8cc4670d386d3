package import ClozeCore

/// A tokenizer's file that cannot be used.
package enum TokenizerError: Failure {
  case noTokenizer(folder: String)
  case malformed(path: String, reason: String)
  case missingField(path: String, field: String)
  case byteLevelPairs(path: String)
  case unsupportedKind(path: String, part: String, kind: String, supported: String)
  case unsupportedSetting(path: String, setting: String, value: String, supported: String)
  case sparseIDs(path: String, id: Int, count: Int)
  case unknownCase(path: String)
  case contradiction(path: String, setting: String, other: String)

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    switch self {
    case .noTokenizer(let folder):
      "\(folder): holds neither tokenizer.json nor vocab.txt; name a tokenizer's folder or file"
    case .malformed(let path, let reason): "\(path): \(reason); write the file anew"
    case .missingField(let path, let field):
      "\(path): '\(field)' is missing or of the wrong type; save the tokenizer anew with Hugging Face's tokenizers"
    case .byteLevelPairs(let path):
      "\(path): is a byte-level BPE tokenizer, as RoBERTa and ModernBERT have, and Cloze reads WordPiece alone; use a BERT "
        + "with its tokenizer, or pretrain a model on shards of tokenize"
    case .unsupportedKind(let path, let part, let kind, let supported):
      "\(path): the \(part) is of the kind '\(kind)'; use a BERT tokenizer, whose \(part) is '\(supported)'"
    case .unsupportedSetting(let path, let setting, let value, let supported):
      "\(path): '\(setting)' is \(value); use a BERT tokenizer, where it is \(supported)"
    case .sparseIDs(let path, let id, let count):
      "\(path): no token has the id \(id), though there are \(count) tokens; number them from 0 without gaps"
    case .unknownCase(let path):
      "\(path): nothing says whether text is lower-cased; put a tokenizer_config.json with {\"do_lower_case\": true} or false beside it (tokenize also takes --cased and --uncased)"
    case .contradiction(let path, let setting, let other):
      "\(path): '\(setting)' contradicts \(other); correct one of them"
    }
  }
}
