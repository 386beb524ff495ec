/// What an Adafactor step is made of.
package protocol AdafactorKernels {}
