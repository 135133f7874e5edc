package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"vmspec/results"
	"vmspec/suite"
)

// waiversFlag are the failures that somebody answers for: --waivers. What is wrong
// with them is exit status 3, whatever the verdict is.
type waiversFlag struct {
	*waivers
}

// waivers are shared by the copies of a command's flags.
type waivers struct {
	file    string
	of      string // what VM it is, as --waive-for says
	waivers *results.Waivers
	vm      results.VM
	using   sync.Mutex // a directory's logs are read at once
}

func (f *waiversFlag) register(c *cobra.Command) {
	f.waivers = &waivers{}
	c.Flags().StringVar(&f.file, "waivers", "", "let what `FILE` (YAML) waives not count; one that is expired, or of no use, is exit status 3")
	c.Flags().StringVar(&f.of, "waive-for", "", "the `VM` that waivers choose by, such as platform=my-cloud,version=8.2,target=uefi")
	inner := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := f.read(time.Now()); err != nil {
			return err
		}
		return f.settle(inner(c, args))
	}
}

// read reads the file, if one is named.
func (f *waiversFlag) read(now time.Time) error {
	switch {
	case f.file == "" && f.of != "":
		return fmt.Errorf("--waive-for %s: there are no --waivers", f.of)
	case f.file == "":
		return nil
	}
	if err := f.readVM(); err != nil {
		return fmt.Errorf("--waive-for %s: %w", f.of, err)
	}
	var err error
	if f.waivers.waivers, err = readWaivers(f.file, now); err != nil {
		return fmt.Errorf("--waivers: %w", err)
	}
	return nil
}

func readWaivers(file string, now time.Time) (*results.Waivers, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return results.ReadWaivers(in, file, func(id string) bool { _, ok := suite.Find(id); return ok }, now)
}

// readVM reads what --waive-for says.
func (f *waiversFlag) readVM() error {
	if f.of == "" {
		return nil
	}
	for pair := range strings.SplitSeq(f.of, ",") {
		key, value, _ := strings.Cut(pair, "=")
		switch {
		case value == "":
			return fmt.Errorf("%q: a key and a value are needed, such as version=8.2", pair)
		case key == "platform":
			f.vm.Platform = value
		case key == "version":
			f.vm.Version = value
		case key == "target":
			f.vm.Targets = []string{value}
		default:
			return fmt.Errorf("%q: the keys are platform, version, target", key)
		}
	}
	return nil
}

// settle says which waivers have no reason to be there. They are wrong whatever was
// concluded.
func (f *waiversFlag) settle(concluded error) error {
	if f.waivers.waivers == nil {
		return concluded
	}
	rotten := f.waivers.waivers.Rotten()
	if rotten == nil {
		return concluded
	}
	err := fmt.Errorf("--waivers: %s", strings.Join(rotten, "\n"))
	if concluded != nil && !errors.As(concluded, new(verdict)) {
		return fmt.Errorf("%w\n%s", err, concluded) // 3 whatever the other is
	}
	return err
}

// apply waives what fails of a report; name is that of its target or log.
func (f *waiversFlag) apply(r *results.Report, name string) { f.waive(r, name, name, []string{name}) }

func (f *waiversFlag) waive(r *results.Report, name, platform string, targets []string) {
	if f.waivers == nil || f.waivers.waivers == nil {
		return
	}
	vm := f.vm
	if vm.Platform == "" {
		vm.Platform = platform
	}
	if vm.Targets == nil {
		vm.Targets = targets
	}
	f.using.Lock()
	defer f.using.Unlock()
	f.waivers.waivers.Apply(r, results.OneLine(name), vm)
}

// applyTo waives what fails of a document's entry.
func (f *waiversFlag) applyTo(e *results.Entry) {
	switch {
	case e.Merged != nil:
		f.applyMerged(e.Merged, e.Name, e.Name)
	case e.File != "":
		f.apply(e.Report, e.File)
	default:
		f.apply(e.Report, e.Name)
	}
}

// applyMerged waives what fails of a platform.
func (f *waiversFlag) applyMerged(m *results.Merged, name, platform string) {
	targets := []string{name}
	for _, b := range m.Boots {
		targets = append(targets, b.Name)
	}
	f.waive(&m.Report, name, platform, targets)
}

// waive waives what fails by each profile.
func (f *mergeFlags) waive(all []*results.Merged) {
	for _, m := range all {
		f.waivers.applyMerged(m, f.platform, f.platform)
	}
}

func newWaivers() *cobra.Command {
	var schema bool
	c := &cobra.Command{
		Use:   "waivers FILE",
		Short: "Check a file of waivers",
		Long: `Check a file of waivers, as run, report, judge, merge and matrix take it by
--waivers. Each names a requirement, why it may fail, who answers for that, a ticket
and the last day:

  waivers:
    - requirement: FW-RTC
      platform: my-cloud        # of merge and matrix; any if it is left out
      target: qemu-uboot        # of run, or the log's name; any if it is left out
      versions: ">=7.2 <8"      # of the hypervisor; any if it is left out
      reason: U-Boot has no clock on this board
      owner: firmware@example.org
      ticket: FW-1234
      expires: 2027-06-30

The result stays; only its disposition is that it is waived, and the verdict says of
how many. A waiver that is expired, matches no VM, or whose requirement is met is
exit status 3. --schema prints the JSON Schema.`,
		Args: func(c *cobra.Command, args []string) error {
			if schema {
				return takes(0, 0, "no file")(c, args)
			}
			return takes(1, 1, "a file of waivers")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if schema {
				_, err := c.OutOrStdout().Write(results.WaiversSchema)
				return err
			}
			w, err := readWaivers(args[0], time.Now())
			if err != nil {
				return err
			}
			for _, one := range w.List {
				fmt.Fprintf(c.OutOrStdout(), "%s %s\n", one.Requirement, results.OneLine(one.Describe()))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of the file, and nothing else")
	return c
}
