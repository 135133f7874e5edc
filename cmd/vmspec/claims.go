package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/results"
)

// claimsFlag is what a vendor says that a VM has: --claims, or what we gave it.
type claimsFlag struct {
	file   string
	claims *results.Claims
}

func (f *claimsFlag) register(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "claims", "",
		"compare what the guest saw with `FILE` (YAML), which says what the VM has: cpus, memory, gic, consoles, disks, nics, rng, balloon, tpm")
}

// read reads the file, if one is named.
func (f *claimsFlag) read() error {
	if f.file == "" {
		return nil
	}
	in, err := os.Open(f.file)
	if err != nil {
		return fmt.Errorf("--claims: %w", err)
	}
	defer in.Close()
	if f.claims, err = results.ReadClaims(in); err != nil {
		return fmt.Errorf("--claims %s: %w", f.file, err)
	}
	return nil
}

// apply judges a report by the file. A report that cannot be compared with it is
// undecided.
func (f *claimsFlag) apply(stderr io.Writer, report *results.Report, name string) error {
	if f.file == "" {
		return nil
	}
	unknown, err := report.Claim(f.claims)
	if err != nil {
		return undecided{fmt.Errorf("%s: --claims %s: %w", name, f.file, err)}
	}
	addFixes(report)
	if len(unknown) > 0 {
		fmt.Fprintf(stderr, "vmspec: %s: --claims %s: the guest could not tell: %s\n", name, f.file, strings.Join(unknown, ", "))
	}
	return nil
}
