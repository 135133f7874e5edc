package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/suite"
)

// A bootSet is the boots of one platform.
type bootSet struct {
	Platform string    `yaml:"platform"`
	Boots    []setBoot `yaml:"boots"`
}

// A setBoot is one boot: of a target, or by a command as "run exec" takes it.
type setBoot struct {
	Name     string   `yaml:"name"`
	Profiles []string `yaml:"profiles"` // that need it; all if empty
	Target   string   `yaml:"target"`
	Command  command  `yaml:"command"`
	Flags    []string `yaml:"flags"` // of run, or run exec
}

// A command is a list of arguments, or a line for the shell.
type command []string

// UnmarshalYAML reads either.
func (c *command) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		*c = command{"sh", "-c", n.Value}
		return nil
	}
	return n.Decode((*[]string)(c))
}

// nameOfBoot is what a boot may be called: it names files.
var nameOfBoot = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// check refuses what cannot be run.
func (s *bootSet) check() error {
	if len(s.Boots) == 0 {
		return errors.New("it has no boots")
	}
	for i, b := range s.Boots {
		if !nameOfBoot.MatchString(b.Name) {
			return fmt.Errorf("boot %d: the name %q: letters, digits, dots, dashes and underscores are needed", i+1, b.Name)
		}
		if slices.ContainsFunc(s.Boots[:i], func(o setBoot) bool { return o.Name == b.Name }) {
			return fmt.Errorf("boot %d: %s is there twice", i+1, b.Name)
		}
		if err := b.check(); err != nil {
			return fmt.Errorf("boot %s: %w", b.Name, err)
		}
	}
	return nil
}

// ours are the flags that the matrix gives every boot.
var ours = []string{"--log", "--format", "--profile", "--strict"}

func (b *setBoot) check() error {
	switch {
	case (b.Target == "") == (len(b.Command) == 0):
		return errors.New("a command or a target is needed, and not both")
	case b.Target != "":
		if _, err := target.Find(b.Target); err != nil {
			return err
		}
	}
	for _, p := range b.Profiles {
		if !slices.Contains(suite.Profiles(), suite.Profile(p)) {
			return fmt.Errorf("profile %q: the profiles are %v", p, suite.Profiles())
		}
	}
	for _, f := range b.Flags {
		name, _, _ := strings.Cut(f, "=")
		if slices.Contains(ours, name) {
			return fmt.Errorf("%s is the matrix's own", name)
		}
	}
	return nil
}

// args are those of vmspec that run the boot.
func (b *setBoot) args(log string, more ...string) []string {
	flags := slices.Concat([]string{"--log", log, "--format", "tap"}, more, b.Flags)
	if b.Target != "" {
		return slices.Concat([]string{"run", b.Target}, flags)
	}
	return slices.Concat([]string{"run", "exec"}, flags, []string{"--"}, b.Command)
}

// needed tells whether a profile needs the boot.
func (b *setBoot) needed(profile string) bool {
	return len(b.Profiles) == 0 || slices.Contains(b.Profiles, profile)
}

// maxSet bounds a set's file, in bytes.
const maxSet = 1 << 20

// readSet reads a set's file.
func readSet(name string) (*bootSet, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSet+1))
	if err != nil {
		return nil, err
	}
	set, err := parseSet(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if set.Platform == "" {
		set.Platform = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	}
	return set, nil
}

// unknownField is the library's word for a key that a type does not have.
var unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)

func parseSet(text []byte) (*bootSet, error) {
	if len(text) > maxSet {
		return nil, fmt.Errorf("more than %d KiB: this is no set of boots", maxSet>>10)
	}
	in := yaml.NewDecoder(bytes.NewReader(text))
	in.KnownFields(true)
	var set bootSet
	switch err := in.Decode(&set); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty")
	case err != nil:
		return nil, setError(err)
	case !errors.Is(in.Decode(&yaml.Node{}), io.EOF):
		return nil, errors.New("it holds more than one document")
	}
	return &set, set.check()
}

// setError is the library's error as one line.
func setError(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	for _, prefix := range []string{"yaml: ", "unmarshal errors: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return errors.New(unknownField.ReplaceAllString(text, "$1 is no key of a set: platform, boots; of a boot: name, profiles, target, command, flags"))
}

// findSet returns the set that the arguments name: the specification's, a file, or
// targets.
func findSet(args []string) (*bootSet, error) {
	if len(args) == 0 || len(args) == 1 && args[0] == specificationSet.Platform {
		return &specificationSet, nil
	}
	if len(args) == 1 {
		if _, err := os.Stat(args[0]); err == nil {
			return readSet(args[0])
		}
	}
	set := &bootSet{}
	for _, arg := range args {
		for name := range strings.SplitSeq(arg, ",") {
			if _, err := target.Find(name); err != nil {
				return nil, fmt.Errorf("%w; and there is no such file", err)
			}
			set.Boots = append(set.Boots, setBoot{Name: name, Target: name})
		}
	}
	return set, set.check()
}
