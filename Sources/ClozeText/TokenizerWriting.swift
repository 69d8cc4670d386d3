internal import ClozeCore
package import Foundation

extension Tokenizer {
  /// Writes `tokenizer.json`, `vocab.txt` and `tokenizer_config.json`, which Hugging Face's `AutoTokenizer` loads as a
  /// tokenizer with the same ids that adds `[CLS]` and `[SEP]`. Equal tokenizers give equal bytes.
  ///
  /// - Parameters:
  ///   - folder: created if it does not exist.
  ///   - positionCount: the longest input of the model, in tokens; nil if no model is known.
  ///   - hasSegments: whether the model reads segments, which `AutoTokenizer` then gives it.
  /// - Throws: `FileError`
  package func write(to folder: URL, positionCount: Int? = nil, hasSegments: Bool = true) throws {
    try Folder.create(folder)
    for (name, content) in files(positionCount: positionCount, hasSegments: hasSegments) {
      try AtomicFile.write(content, to: folder.appendingPathComponent(name))
    }
  }

  /// The names and contents of what `write` writes.
  package func files(positionCount: Int? = nil, hasSegments: Bool = true) -> [(name: String, content: Data)] {
    [
      ("vocab.txt", pieces.map { $0 + "\n" }.joined()),
      ("tokenizer_config.json", configurationFile(positionCount: positionCount, hasSegments: hasSegments)),
      ("tokenizer.json", tokenizerFile),
    ].map { ($0, Data($1.utf8)) }
  }

  private var stripsAccents: String { normalizer.stripsAccents.map { "\($0)" } ?? "null" }

  /// `BertTokenizer` of transformers cleans text and has BERT's longest word, whatever `tokenizer.json` says.
  /// `PreTrainedTokenizerFast` takes all settings from the file.
  private var tokenizerClass: String {
    normalizer.cleansText && longestWord == Tokenizer.standardLongestWord
      ? "BertTokenizer" : "PreTrainedTokenizerFast"
  }

  private func configurationFile(positionCount: Int?, hasSegments: Bool) -> String {
    // 10^30 is Hugging Face's value for "no limit".
    let length = positionCount.map { "\($0)" } ?? "1000000000000000019884624838656"
    // `AutoTokenizer` gives a model of its own kind segments, too.
    let inputs = hasSegments ? "" : "\n  \"model_input_names\": [\"input_ids\", \"attention_mask\"],"
    return """
      {
        "clean_text": \(normalizer.cleansText),
        "cls_token": "[CLS]",
        "do_lower_case": \(normalizer.lowercases),
        "mask_token": "[MASK]",\(inputs)
        "model_max_length": \(length),
        "pad_token": "[PAD]",
        "sep_token": "[SEP]",
        "strip_accents": \(stripsAccents),
        "tokenize_chinese_chars": \(normalizer.isolatesChineseCharacters),
        "tokenizer_class": "\(tokenizerClass)",
        "unk_token": "[UNK]"
      }

      """
  }

  /// The tokens without those that were added behind them.
  private var pieces: ArraySlice<String> {
    let added = Set(vocabulary.added.filter { !$0.isPiece }.map { Int($0.id) })
    let count = vocabulary.tokens.indices.last { !added.contains($0) }.map { $0 + 1 } ?? 0
    return vocabulary.tokens[..<count]
  }

  /// All added tokens by id, the five special ones included.
  private var addedTokens: [AddedToken] {
    let specials = zip(SpecialTokens.texts, vocabulary.specials.ids).map { text, id in
      var token = AddedToken(text: text, id: id)
      token.isSpecial = true
      return token
    }
    let others = specials.filter { special in !vocabulary.added.contains { $0.id == special.id } }
    return (others + vocabulary.added).sorted { $0.id < $1.id }
  }

  private var tokenizerFile: String {
    let addedTokens = addedTokens.map { token in
      """
          {
            "id": \(token.id),
            "content": \(JSONValue.quote(token.text)),
            "single_word": \(token.isWholeWord),
            "lstrip": \(token.takesSpaceBefore),
            "rstrip": \(token.takesSpaceAfter),
            "normalized": \(token.isNormalized),
            "special": \(token.isSpecial)
          }
      """
    }
    let added = Set(vocabulary.added.filter { !$0.isPiece }.map { Int($0.id) })
    let members = vocabulary.tokens.enumerated().filter { !added.contains($0.offset) }.map { id, token in
      "      \(JSONValue.quote(token)): \(id)"
    }
    return """
      {
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [
      \(addedTokens.joined(separator: ",\n"))
        ],
        "normalizer": {
          "type": "BertNormalizer",
          "clean_text": \(normalizer.cleansText),
          "handle_chinese_chars": \(normalizer.isolatesChineseCharacters),
          "strip_accents": \(stripsAccents),
          "lowercase": \(normalizer.lowercases)
        },
        "pre_tokenizer": {
          "type": "BertPreTokenizer"
        },
        "post_processor": {
          "type": "TemplateProcessing",
          "single": [
            { "SpecialToken": { "id": "[CLS]", "type_id": 0 } },
            { "Sequence": { "id": "A", "type_id": 0 } },
            { "SpecialToken": { "id": "[SEP]", "type_id": 0 } }
          ],
          "pair": [
            { "SpecialToken": { "id": "[CLS]", "type_id": 0 } },
            { "Sequence": { "id": "A", "type_id": 0 } },
            { "SpecialToken": { "id": "[SEP]", "type_id": 0 } },
            { "Sequence": { "id": "B", "type_id": 1 } },
            { "SpecialToken": { "id": "[SEP]", "type_id": 1 } }
          ],
          "special_tokens": {
            "[CLS]": { "id": "[CLS]", "ids": [\(vocabulary.specials.classification)], "tokens": ["[CLS]"] },
            "[SEP]": { "id": "[SEP]", "ids": [\(vocabulary.specials.separator)], "tokens": ["[SEP]"] }
          }
        },
        "decoder": {
          "type": "WordPiece",
          "prefix": "##",
          "cleanup": true
        },
        "model": {
          "type": "WordPiece",
          "unk_token": "[UNK]",
          "continuing_subword_prefix": "##",
          "max_input_chars_per_word": \(longestWord),
          "vocab": {
      \(members.joined(separator: ",\n"))
          }
        }
      }

      """
  }
}
