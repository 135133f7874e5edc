package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"vmspec/results"
	"vmspec/results/publish"
)

// publishFlags describe what is published.
type publishFlags struct {
	name, dir string
	about     publish.About
}

func newPublish() *cobra.Command {
	var f publishFlags
	c := &cobra.Command{
		Use:   "publish LOG... --name NAME --hypervisor NAME --hypervisor-version VERSION",
		Short: "Make a folder of a run's logs, for others to compare with",
		Long: `Make a folder of a run's logs, for others to compare with: the logs and the records
beside them as they came, a description (result.yaml), and the verdicts that are read
in them (verdicts.yaml).

What no flag says is taken from the first log that says it: the guest's kernel and
architecture, the firmware, and from its record the command. The folder is written as
a whole or not at all, and nothing is sent anywhere. Read it before you send it: a
record holds the command line of the VMM with the paths of its files.`,
		Example: `  vmspec run exec --log boot.log -- my-vmm --kernel build/arm64/Image --cmdline '{append}'
  vmspec publish boot.log --name my-vmm-1.2 --hypervisor my-vmm --hypervisor-version 1.2`,
		Args: takes(1, unlimited, "a log"),
		RunE: f.run,
	}
	a := &f.about
	for _, s := range []struct {
		into              *string
		flag, value, help string
	}{
		{&f.name, "name", "", "`NAME` of the folder"},
		{&f.dir, "to", filepath.Join("results", "published"), "make the folder in `DIR`"},
		{&a.Hypervisor, "hypervisor", "", "the hypervisor or VMM, by its `NAME`"},
		{&a.Version, "hypervisor-version", "", "its `VERSION`"},
		{&a.Machine, "machine", "", "its configuration, in a few `WORDS`"},
		{&a.Firmware, "firmware", "", "the firmware, with its version (default what the guest says of it)"},
		{&a.Host, "host", runtime.GOOS + " on " + runtime.GOARCH, "the machine that ran it, in a few `WORDS`"},
		{&a.Kernel, "kernel", "", "the guest's kernel (default what it says of itself)"},
		{&a.Date, "date", "", "the `DATE` of the run, as 2026-11-30 (default that of the first log)"},
		{&a.Command, "command", "", "the `COMMAND` to reproduce it (default that of the record)"},
		{&a.Notes, "notes", "", "what else there is to say"},
	} {
		c.Flags().StringVar(s.into, s.flag, s.value, s.help)
	}
	return c
}

// run makes the folder.
func (f *publishFlags) run(c *cobra.Command, args []string) error {
	if err := f.check(); err != nil {
		return err
	}
	var sources []publish.Source
	for _, path := range args {
		s, err := publish.ReadSource(path)
		if err != nil {
			return err
		}
		sources = append(sources, *s)
	}
	if f.about.Date == "" {
		info, err := os.Stat(args[0])
		if err != nil {
			return err
		}
		f.about.Date = info.ModTime().UTC().Format(time.DateOnly)
	}
	folder, err := publish.Make(f.dir, f.name, f.about, sources)
	var missing publish.MissingError
	if errors.As(err, &missing) {
		return fmt.Errorf("publish: %w: no log says it, so give --%s", err, string(missing))
	}
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	fmt.Fprintln(c.OutOrStdout(), folder.Dir)
	for _, e := range folder.Expected {
		fmt.Fprintf(c.OutOrStdout(), "  %s  %s  %s\n", e.Log, e.Profile, results.Words(results.Conformance(e.Verdict)))
	}
	return nil
}

// check refuses what is missing before anything is read.
func (f *publishFlags) check() error {
	for _, needed := range []struct{ flag, value string }{
		{"name", f.name}, {"hypervisor", f.about.Hypervisor}, {"hypervisor-version", f.about.Version},
	} {
		if needed.value == "" {
			return fmt.Errorf("publish needs --%s", needed.flag)
		}
	}
	if err := publish.CheckName(f.name); err != nil {
		return fmt.Errorf("--name %w", err)
	}
	return nil
}
