import Tensors

extension TrainingRun {
  /// What the run came to.
  func result() -> TrainingResult {
    let parameters = model.parameters.reduce(0) { $0 + $1.value.elementCount }
    let taken = Double(journal.position.step)
    return TrainingResult(
      samples: training.count + test.count, testSamples: test.count, classes: training.classNames.count,
      parameters: parameters, epochs: journal.epochs,
      testAccuracy: journal.epochs[journal.epochs.count - 1].testAccuracy, steps: journal.position.step,
      seconds: journal.seconds, gradientSecondsPerStep: journal.gradientSeconds / taken,
      optimizerSecondsPerStep: journal.optimizerSeconds / taken,
      stateBytes: takeStep.optimizer.stateByteCount,
      // Two moments a parameter.
      adamwStateBytes: 2 * settings.scalarType.arithmeticType.byteCount * parameters,
      optimizer: settings.optimizer.kind, scalarType: settings.scalarType,
      rounding: settings.scalarType.byteCount == 2 ? settings.optimizer.options.rounding : nil,
      batchSize: settings.batchSize,
      microBatches: settings.microBatches, clipNorm: settings.clipNorm,
      lossScale: takeStep.scaler.isEnabled ? takeStep.scaler.scale : nil,
      skippedSteps: journal.skippedSteps, backend: settings.backend, threads: takeStep.optimizer.threads,
      seed: settings.seed, parametersChecksum: model.checksum)
  }
}
