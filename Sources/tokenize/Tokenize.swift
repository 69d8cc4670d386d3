import ArgumentParser
import ClozeCLI

@main
struct Tokenize: Tool {
  mutating func execute() throws {}
}
