import ArgumentParser
import ClozeCLI

@main
struct Translate: Tool {
  mutating func execute() throws {}
}
