import ClozeStudies
import Testing

@Suite struct RankTests {
  private func rank(_ environment: [String: String]) -> LaunchedRank? {
    LaunchedRank(environment: environment)
  }

  @Test func launchersSayWhichProcessItIs() throws {
    let openMPI = try #require(
      rank(["OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4", "SLURM_PROCID": "0"]))
    #expect((openMPI.rank, openMPI.count) == (2, 4))
    #expect(rank(["PMI_RANK": "0", "PMI_SIZE": "2"])?.count == 2)
    #expect(rank(["SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "8"])?.variable == "SLURM_STEP_NUM_TASKS")
  }

  @Test func aProcessOfItsOwn() {
    #expect(rank([:]) == nil)
    // A batch script of Slurm is one process, whatever the number of tasks that it may start.
    #expect(rank(["SLURM_PROCID": "0", "SLURM_NTASKS": "8"]) == nil)
    #expect(rank(["OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "1"]) == nil)
    #expect(rank(["OMPI_COMM_WORLD_RANK": "4", "OMPI_COMM_WORLD_SIZE": "4"]) == nil)
    #expect(rank(["OMPI_COMM_WORLD_RANK": "x", "OMPI_COMM_WORLD_SIZE": "4"]) == nil)
  }
}
