import ArgumentParser
import ClozeCLI

@main
struct Finetune: Tool {
  mutating func execute() throws {}
}
