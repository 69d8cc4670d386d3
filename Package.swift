// swift-tools-version: 6.1
import PackageDescription

// The import table of ARCHITECTURE.md, as the build enforces it. `scripts/check-sources` holds both against the code.

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies + ["ClozeTestSupport"], exclude: exclude, swiftSettings: settings)
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "Cloze",
  products: [
    .executable(name: "tokenize", targets: ["tokenize"]),
    .executable(name: "pretrain", targets: ["pretrain"]),
    .executable(name: "evaluate", targets: ["evaluate"]),
    .executable(name: "finetune", targets: ["finetune"]),
    .executable(name: "translate", targets: ["translate"]),
    .executable(name: "predict", targets: ["predict"]),
    .executable(name: "augment", targets: ["augment"]),
    .executable(name: "search", targets: ["search"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .target(name: "CKernels"),

    library("ClozeCore", ["COpenSSL", .product(name: "Yams", package: "Yams")]),
    library("ClozeText", ["ClozeCore"]),
    library("ClozeData", ["ClozeCore", "ClozeText", "CZstd", "CZlib"]),
    library("ClozeCompute", ["ClozeCore", "COneDNN", "CKernels"]),
    library("ClozeModel", ["ClozeCore", "ClozeCompute"]),
    library("ClozeEvaluation", ["ClozeCore", "ClozeText", "ClozeData", "ClozeCompute", "ClozeModel"]),
    library(
      "ClozeTraining",
      ["ClozeCore", "ClozeText", "ClozeData", "ClozeCompute", "ClozeModel", "ClozeEvaluation"]),
    library(
      "ClozeStudies",
      ["ClozeCore", "ClozeText", "ClozeData", "ClozeModel", "ClozeEvaluation", "ClozeTraining"]),
    library("ClozeCLI", ["ClozeCore", "ClozeData", argumentParser]),

    tool("tokenize", ["ClozeCLI", "ClozeCore", "ClozeText", "ClozeData", argumentParser]),
    tool(
      "pretrain",
      [
        "ClozeCLI", "ClozeCore", "ClozeData", "ClozeModel", "ClozeEvaluation", "ClozeTraining",
        argumentParser,
      ]),
    tool(
      "evaluate",
      [
        "ClozeCLI", "ClozeCore", "ClozeText", "ClozeData", "ClozeCompute", "ClozeModel", "ClozeEvaluation",
        argumentParser,
      ]),
    tool(
      "finetune",
      [
        "ClozeCLI", "ClozeCore", "ClozeText", "ClozeData", "ClozeModel", "ClozeEvaluation", "ClozeTraining",
        "ClozeStudies", argumentParser,
      ]),
    tool(
      "translate",
      [
        "ClozeCLI", "ClozeCore", "ClozeText", "ClozeData", "ClozeCompute", "ClozeModel", "ClozeEvaluation",
        argumentParser,
      ]),
    tool(
      "predict",
      [
        "ClozeCLI", "ClozeCore", "ClozeText", "ClozeData", "ClozeEvaluation",
        argumentParser,
      ]),

    tool(
      "augment",
      [
        "ClozeCLI", "ClozeCore", "ClozeText", "ClozeData", "ClozeCompute", "ClozeModel", "ClozeEvaluation",
        "ClozeTraining", "ClozeStudies", argumentParser,
      ]),

    tool("search", ["ClozeCLI", "ClozeCore", "ClozeData", "ClozeTraining", "ClozeStudies", argumentParser]),

    tool(
      "benchmark",
      [
        "ClozeCLI", "ClozeCore", "ClozeText", "ClozeData", "ClozeCompute", "ClozeModel", "ClozeEvaluation",
        "ClozeTraining", argumentParser,
      ]),

    .target(
      name: "ClozeTestSupport", dependencies: ["ClozeCore", "ClozeCompute"], path: "Tests/ClozeTestSupport",
      swiftSettings: settings),
    .target(
      name: "ClozeFuzzing",
      dependencies: [
        "ClozeCore", "ClozeText", "ClozeData", "ClozeCompute", "ClozeModel", "ClozeEvaluation",
        "ClozeTraining",
      ],
      path: "Tests/ClozeFuzzing", swiftSettings: settings),
    tests("ClozeCoreTests", ["ClozeCore"]),
    tests("ClozeTextTests", ["ClozeCore", "ClozeText"]),
    tests("ClozeDataTests", ["ClozeCore", "ClozeText", "ClozeData"]),
    tests("ClozeComputeTests", ["ClozeCore", "ClozeCompute"]),
    tests("ClozeModelTests", ["ClozeCore", "ClozeCompute", "ClozeModel"]),
    tests(
      "ClozeEvaluationTests", ["ClozeCore", "ClozeText", "ClozeData", "ClozeEvaluation"]),
    tests(
      "ClozeTrainingTests",
      [
        "ClozeCore", "ClozeText", "ClozeData", "ClozeCompute", "ClozeModel", "ClozeEvaluation",
        "ClozeTraining",
      ]),
    tests(
      "ClozeStudiesTests",
      [
        "ClozeCore", "ClozeText", "ClozeData", "ClozeModel", "ClozeEvaluation", "ClozeTraining",
        "ClozeStudies",
      ]),
    tests("ClozeFuzzingTests", ["ClozeCore", "ClozeFuzzing"], exclude: ["Findings"]),
    tests("ToolTests", []),
  ],
  swiftLanguageModes: [.v6]
)

// `scripts/fuzz` asks for it. Its entry point is libFuzzer's, so without that it cannot be linked.
if Context.environment["CLOZE_FUZZ"] != nil {
  package.targets.append(.executableTarget(name: "fuzz", dependencies: ["ClozeFuzzing"], path: "Tests/fuzz"))
}
