/// The search settings in a translator's folder, with which `generate` of `transformers` needs no argument.
package struct GenerationSettings: Sendable {
  /// The ids that a search needs.
  package struct Tokens: Sendable {
    package var start: Int32
    package var end: Int32
    package var padding: Int32
    /// Tokens that are never chosen.
    package var suppressed: [Int32]

    package init(start: Int32, end: Int32, padding: Int32, suppressed: [Int32]) {
      (self.start, self.end, self.padding, self.suppressed) = (start, end, padding, suppressed)
    }
  }

  package var tokens: Tokens
  package var beam: BeamConfiguration

  package init(tokens: Tokens, beam: BeamConfiguration = BeamConfiguration()) {
    self.tokens = tokens
    self.beam = beam
  }

  /// The content of `generation_config.json`. `generate` has no limit that depends on the length of the source, so the
  /// limit is the number of the decoder's positions.
  func file(positionCount: Int) -> [String: Any] {
    [
      "decoder_start_token_id": tokens.start, "bos_token_id": tokens.start, "eos_token_id": tokens.end,
      "pad_token_id": tokens.padding, "suppress_tokens": tokens.suppressed.sorted(),
      "num_beams": beam.beamSize, "length_penalty": beam.lengthPenalty, "early_stopping": false,
      "min_new_tokens": beam.minimumLength,
      "max_length": positionCount,
    ]
  }
}
