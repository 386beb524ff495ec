/// What `Tensor`'s operations are made of.
package protocol LinearAlgebraKernels {}
