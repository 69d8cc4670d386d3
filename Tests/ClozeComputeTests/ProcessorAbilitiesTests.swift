import ClozeCompute
import Testing

/// What `precision: automatic` goes by, for the /proc/cpuinfo of several kinds of processor.
struct ProcessorAbilitiesTests {
  private static func information(_ vendor: String, _ flags: String) -> String {
    "processor\t: 0\nvendor_id\t: \(vendor)\nmodel name\t: some processor\nflags\t\t: fpu sse2 \(flags) x2apic\n\nprocessor\t: 1\n"
  }

  @Test(
    arguments: [
      ("GenuineIntel", "avx2", nil, false, false),
      // Cooper Lake
      ("GenuineIntel", "avx512f avx512_bf16", nil, true, true),
      // Sapphire Rapids, with AMX, with AMX hidden by the virtual machine or by the user
      ("GenuineIntel", "avx512_bf16 avx512_fp16 amx_tile amx_bf16", nil, true, true),
      ("GenuineIntel", "avx512_bf16 avx512_fp16", nil, true, false),
      ("GenuineIntel", "avx512_bf16 avx512_fp16 amx_tile amx_bf16", "AVX512_CORE_BF16", true, false),
      ("GenuineIntel", "avx512_bf16 avx512_fp16 amx_tile amx_bf16", "avx512_core_amx", true, true),
      ("GenuineIntel", "avx512_bf16 avx512_fp16 amx_tile amx_bf16", "ALL", true, true),
      // Zen 4
      ("AuthenticAMD", "avx512f avx512_bf16", nil, true, true),
      ("AuthenticAMD", "avx512f avx512_bf16", "AVX512_CORE", false, false),
      ("AuthenticAMD", "avx512f avx512_bf16 avx512_fp16", nil, true, true),
    ] as [(String, String, String?, Bool, Bool)])
  func flagsTell(_ vendor: String, _ flags: String, _ limit: String?, multiplies: Bool, prefers: Bool) {
    let abilities = ProcessorAbilities(ProcessorAbilitiesTests.information(vendor, flags), isaLimit: limit)
    #expect(abilities.multipliesBFloat16 == multiplies)
    #expect(abilities.prefersBFloat16 == prefers)
  }

  @Test func armHasFeatures() {
    let abilities = ProcessorAbilities("processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\n", isaLimit: nil)
    #expect(abilities.multipliesBFloat16 && abilities.prefersBFloat16)
  }

  @Test func noInformationMeansNone() {
    let abilities = ProcessorAbilities("", isaLimit: nil)
    #expect(!abilities.multipliesBFloat16 && !abilities.prefersBFloat16)
  }
}
