import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData
import ClozeText
import Foundation

/// Text to shards: count words, train a vocabulary, encode every document, print a report.
@main
struct Tokenize: Tool {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Turn text into a data folder for pretrain and evaluate.",
    discussion: """
      Inputs are files, folders, patterns, or - for standard input. A folder means every .txt, .jsonl, .ndjson and \
      .json file in it, also with .gz or .zst; links are followed, and a file that several paths lead to is read once. \
      The first bytes of a file decide what it is, and not its name: plain text or JSON lines, in UTF-8, or in UTF-16 \
      or UTF-32 with a byte-order mark, plain or compressed by gzip or zstd. --encoding reads other encodings. LF, CR \
      LF and CR end a line.

      The text is read twice: to train a WordPiece vocabulary, unless --tokenizer gives one, and to encode it. Equal \
      documents are kept once. The output has the same bytes for any --workers. The letters of [MASK] and the like are \
      read as text and counted.

      Words that the tokenizer cannot spell become [UNK]. Their characters are counted by script; above 0.5 % of the \
      text there is a warning, and above 20 % the text is refused without --allow-unknown. An uncased vocabulary keeps \
      accents, vowel signs and tones unless --strip-accents is given.

      A tokenize that was killed, or stopped by a full disk, resumes when it is called again with the same arguments \
      and output folder, and writes the same bytes. It resumes with the vocabulary that it had trained, from its last \
      checkpoint; one is made every --checkpoint-megabytes of text. A compressed file is inflated again up to there, \
      and standard input has to be the same text again. Killed while it counts words, it starts again.

      --verify checks every byte of a data folder. --repair makes a valid folder of a damaged one: damaged frames go \
      into quarantine, and a lost index is rebuilt. --inspect shows the figures of a folder, or document N as text.

      Memory does not grow with the corpus, except for 64 bytes for each distinct document: about 30 MB for each \
      worker, and up to 600 MB for words while a vocabulary is trained. A document is cut at 16 MiB.

      Examples:
        tokenize corpora/english.txt --output data/english --vocabulary-size 8192
        tokenize --inspect data/english 12 --split validation
      """)

  @Argument(help: "Files, folders, patterns, or - for standard input; with --inspect, a document's number.")
  var inputs: [String] = []

  @Option(name: .long, help: ArgumentHelp("The data folder to write.", valueName: "folder"))
  var output: String?

  @Option(name: .long, help: "The share of documents to hold out, in 0...1.")
  var validationRate = 0.01

  @Option(name: .long, help: "How many threads to use.")
  var workers = ProcessInfo.processInfo.activeProcessorCount

  @Option(name: .long, help: "Decides which documents are held out.")
  var seed: UInt64 = 1

  @Flag(name: .long, help: "Replace the data of another corpus in the output folder.")
  var force = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "How many frames of 65,536 tokens a shard has.", valueName: "n"))
  var shardFrames = ShardLayout().framesPerShard

  @Option(
    name: .long,
    help: ArgumentHelp(
      "How many megabytes of text there are from one checkpoint to the next.", valueName: "n"))
  var checkpointMegabytes = 16

  @OptionGroup(title: "How text is read") var reading: ReadingOptions

  @OptionGroup(title: "The vocabulary") var vocabulary: VocabularyOptions

  @OptionGroup(title: "A data folder that there is") var folderOptions: FolderOptions

  @OptionGroup var common: CommonOptions

  func validate() throws {
    if try folderOptions.mode(inputs: inputs, output: output) != nil {
      try FolderOptions.refuseOthers()
    } else {
      guard !inputs.isEmpty else { throw ValidationError("no input is named; name a file, a folder or -") }
      guard output != nil else {
        throw ValidationError("no --output is given; name the data folder to write")
      }
    }
    guard (0...1).contains(validationRate) else {
      throw ValidationError("--validation-rate is \(validationRate); choose a share in 0...1, such as 0.01")
    }
    guard (1...1024).contains(workers) else {
      throw ValidationError("--workers is \(workers); choose 1...1024")
    }
    guard (1...65_536).contains(shardFrames) else {
      throw ValidationError("--shard-frames is \(shardFrames); choose 1...65536, such as 1024")
    }
    guard (1...1_000_000).contains(checkpointMegabytes) else {
      throw ValidationError(
        "--checkpoint-megabytes is \(checkpointMegabytes); choose 1...1000000, such as 16")
    }
  }

  mutating func execute() throws {
    let pool = WorkerPool(workerCount: workers)
    if let mode = try folderOptions.mode(inputs: inputs, output: output) {
      return try mode.run(pool: pool, isQuiet: common.quiet)
    }
    guard let output else { return }
    let folder = URL(fileURLWithPath: output, isDirectory: true)
    try FolderContent.check(folder, for: .data)
    try Folder.create(folder)
    try DataFolder(folder).withLock { try tokenize(into: folder, pool: pool) }
  }

  private func tokenize(into folder: URL, pool: WorkerPool) throws {
    _ = try DataFolder(folder).completeMove()

    // 1. The corpus. Standard input and pipes can be read only once, so they are copied to files for the second pass.
    let spools = InputSpools(in: folder)
    defer { spools.remove() }
    let corpus = try CorpusInputs(inputs, spools: spools.copies(of: inputs), excluding: folder)
    let format = try reading.format()
    try corpus.check(format)
    if let other = corpus.others.first, !common.quiet {
      Console.error(
        "left out for their names: \(Figure.count(corpus.others.count)), such as \(other)")
    }
    let pass = CorpusPass(corpus, format: format, seed: seed, validationRate: validationRate, pool: pool)
    var layout = try ShardLayout(corpusBytes: corpus.byteCount)
    layout.framesPerShard = shardFrames

    // 2. The tokenizer: given, trained on the words of the train split, or trained by an unfinished run.
    let progress = CorpusProgress(totalBytes: corpus.byteCount, isQuiet: common.quiet)
    let run = try TokenizeRun(
      pass, try vocabulary.source(), layout: layout, folder: folder, replacesOtherCorpus: force,
      report: progress.show)

    // 3. The shards, which replace those of an earlier run when they are complete.
    let (statistics, index) = try run.encode(
      checkpointBytes: checkpointMegabytes * 1_000_000, allowsUnknown: vocabulary.allowUnknown)
    progress.finish()

    // 4. The report.
    let report = try TokenizationReport(
      statistics: statistics, index: index, folder: folder, normalizer: run.tokenizer.normalizer)
    let warnings = CorpusWarnings(statistics: statistics, index: index, folder: folder)
    for warning in warnings.texts + report.warnings { Console.warning(warning) }
    try StandardOutput.writeLine(report.text)
  }
}
