/// Whether a run starts or resumes.
package enum ResumeMode: Sendable {
  /// It starts; a folder with a run is an error.
  case never
  /// It resumes; a folder without a run is an error.
  case required
  /// It resumes if the folder has a run, and starts otherwise.
  case ifPresent

  package var mayResume: Bool { self != .never }
}
