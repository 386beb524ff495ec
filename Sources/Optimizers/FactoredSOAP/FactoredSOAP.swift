/// Factored SOAP: Adafactor in the eigenbasis of Shampoo's preconditioners.
///
/// It is ``SOAP`` with Adafactor's row and column moments instead of V, and with Adafactor's clipping, step size and decay.
/// The first gradient G of a parameter (n × m) only initializes L, R and their eigenvectors Q_L, Q_R, as in ``SOAP``. Every
/// later gradient is an update t, counted from 1:
///
///     G' = Q_Lᵀ G Q_R
///     β  = 1 − t^decayRate
///     Rᵢ ← β Rᵢ + (1−β)(Σⱼ g'²ᵢⱼ / m + ε₁)          [exp_avg_sq_row, n]
///     Cⱼ ← β Cⱼ + (1−β)(Σᵢ g'²ᵢⱼ / n + ε₁)          [exp_avg_sq_col, m]
///     uᵢⱼ = g'ᵢⱼ / √(Rᵢ Cⱼ / mean R)                g'ᵢ / √vᵢ for vectors and scalars [exp_avg_sq]
///     α  = rate · max(ε₂, RMS(P))
///     U  ← α U / max(1, RMS(U)/d)
///     M ← beta1 M + (1−beta1) U,  U = M             [exp_avg, n × m], only with `beta1`
///     P ← P − weightDecay · α · P − Q_L U Q_Rᵀ
///     L ← β_s L + (1−β_s) G Gᵀ,  R ← β_s R + (1−β_s) Gᵀ G           [GG_0, GG_1]
///
/// Every `preconditionFrequency` updates, the bases are refreshed as in ``SOAP``: the row and column moments are permuted in
/// the same way as the columns of their bases, and M is rotated.
///
/// With `oneSided`, only the shorter axis has a preconditioner and is rotated. Axes longer than `maxPrecondDim`, vectors
/// without `precondition1D`, and scalars are never rotated. Without any preconditioner this is ``Adafactor``, delayed by one
/// gradient.
///
///     let adafactor = AdafactorOptions(
///       learningRate: .constant(1e-3), beta1: 0.9, scaleParameter: false)
///     let optimizer = try FactoredSOAP(
///       model.parameters, options: .init(adafactor: adafactor, oneSided: true))
///
/// The state of an n × m matrix has 2n² + 2m² + n + m numbers, or 2·min(n, m)² + n + m if it is one-sided, and nm more with
/// `beta1`. <doc:MatrixOptimizers> compares these sizes and cites the paper's claims.
///
/// There is no reference implementation. The tests compare with an oracle in Float64, and with ``Adafactor`` when the bases
/// are the identity.
///
/// Reference: Vyas, Morwani, Zhao, Shapira, Brandfonbrener, Janson and Kakade, "SOAP: Improving and Stabilizing Shampoo
/// using Adam" (2024), arXiv:2409.11321; and the reference of ``Adafactor``.
public typealias FactoredSOAP = RuleOptimizer<FactoredSOAPOptions>
