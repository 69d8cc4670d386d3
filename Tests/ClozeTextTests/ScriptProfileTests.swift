import ClozeText
import Testing

@Suite struct ScriptProfileTests {
  @Test func sharesOfLetters() throws {
    let profile = ScriptProfile(["我爱 A, 1 2 3!", "狗"])
    #expect(profile.shares == ["Han": 0.75, "Latin": 0.25])
    #expect(profile.main == "Han")
    #expect(profile.text == "Han:0.750,Latin:0.250")
    #expect(ScriptProfile(text: profile.text) == profile)
    #expect(ScriptProfile(["123 !"]).shares.isEmpty && ScriptProfile(["123 !"]).main == nil)
    #expect(ScriptProfile(text: "Han") == nil && ScriptProfile(text: "Han:2") == nil)
  }

  @Test func overlaps() {
    let (chinese, english) = (ScriptProfile(["我爱狗 A"]), ScriptProfile(["I love dogs"]))
    let german = ScriptProfile(["Ich mag Hünde"])
    #expect(english.overlap(german) == 1)
    #expect(chinese.overlap(english) == 0.25 && english.overlap(chinese) == 0.25)
    #expect(chinese.overlap(chinese) == 1)
    #expect(chinese.overlap(ScriptProfile([])) == 0)
  }
}
