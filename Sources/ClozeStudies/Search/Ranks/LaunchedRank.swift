/// The place of this process among those that `mpirun` or `srun` started with one command.
package struct LaunchedRank: Sendable, Equatable {
  /// From 0.
  package let rank: Int
  /// The processes of the launch, 2 or more.
  package let count: Int
  /// The variable that says how many there are.
  package let variable: String

  package init(rank: Int, count: Int, variable: String) {
    (self.rank, self.count, self.variable) = (rank, count, variable)
  }

  /// What launchers tell their processes: Open MPI's mpirun; MPICH's and Intel's; Slurm's srun, whose count is not set in a batch
  /// script, which is a single process.
  private static let variables = [
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
  ]

  /// nil for a process that was started by itself.
  package init?(environment: [String: String]) {
    for (rank, count) in LaunchedRank.variables {
      guard let number = environment[rank].flatMap({ Int($0) }),
        let total = environment[count].flatMap({ Int($0) })
      else { continue }
      guard total > 1, (0..<total).contains(number) else { return nil }
      self.init(rank: number, count: total, variable: count)
      return
    }
    return nil
  }
}
