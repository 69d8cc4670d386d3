import ArgumentParser
import ClozeCLI

@main
struct Evaluate: Tool {
  mutating func execute() throws {}
}
