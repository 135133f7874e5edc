//go:build !faults

package main

// inject does nothing: a build with the tag faults breaks steps.
func inject(string) {}
