import ArgumentParser
import ClozeCLI

@main
struct Pretrain: Tool {
  mutating func execute() throws {}
}
