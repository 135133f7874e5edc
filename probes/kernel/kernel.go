// Package kernel finds out about the observer: the running kernel, what it
// was configured and told to do, and what it logged. It is what tells "the VM
// lacks this" from "this kernel cannot see it".
package kernel

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"vmspec/probes/note"
)

// Facts are about the running kernel and how the suite runs under it.
type Facts struct {
	Release     string
	Arch        string // GOARCH of the suite
	Context     string // how the suite runs: ContextPID1 and its siblings
	CommandLine string
	Parameters  map[string]string // the suite's, without their prefix "vmspec."
	Config      string            // the file the configuration was read from; empty if unknown
	Modules     map[string]string // what became of each module the suite wanted: "loaded", "idle", "missing"
	NoUEFI      bool              // the kernel logged that it looked for UEFI and found none

	config
	loaded  map[string]bool // names in /sys/module
	lists   lists
	partial bool // the image has file systems in which more modules may lie
}

// Read finds the facts out.
func Read(fsys fs.FS) (*Facts, error) {
	release, err := fs.ReadFile(fsys, "proc/sys/kernel/osrelease")
	if err != nil {
		return nil, err
	}
	line, err := fs.ReadFile(fsys, "proc/cmdline")
	if err != nil {
		return nil, err
	}
	f := &Facts{Release: strings.TrimSpace(string(release)), CommandLine: strings.TrimSpace(string(line))}
	f.Arch = strings.Join(words(fsys, ArchNote()), " ")
	if context := words(fsys, ContextNote()); len(context) > 0 {
		f.Context, f.partial = context[0], slices.Contains(context[1:], Partial)
	}
	f.Parameters = Parameters(fsys)
	f.readConfig(fsys)
	f.readLists(fsys)
	if err := f.readModules(fsys); err != nil {
		return nil, err
	}
	log, err := Log(fsys)
	f.NoUEFI = err == nil && slices.ContainsFunc(log, func(l string) bool { return strings.Contains(l, "efi: UEFI not found") })
	return f, nil
}

// Parameters returns the suite's parameters without their prefix "vmspec.": the
// command line's first, then SMBIOS's. What cannot be read has none.
func Parameters(fsys fs.FS) map[string]string {
	p := map[string]string{}
	ParseParameters(p, words(fsys, ParametersNote()))
	line, _ := fs.ReadFile(fsys, "proc/cmdline")
	ParseParameters(p, strings.Fields(string(line)))
	return p
}

// ParseParameters adds those of words that are the suite's to p: from
// "vmspec.nonce=1" the name "nonce" and the value "1".
func ParseParameters(p map[string]string, words []string) {
	for _, w := range words {
		if own, ok := strings.CutPrefix(w, "vmspec."); ok {
			name, value, _ := strings.Cut(own, "=")
			p[name] = value
		}
	}
}

// Value returns the value of the last parameter of that name on the kernel's
// command line, empty where it has none.
func (f *Facts) Value(parameter string) string {
	values := f.Values(parameter)
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// Values returns the values of all parameters of that name.
func (f *Facts) Values(parameter string) (values []string) {
	for w := range strings.FieldsSeq(f.CommandLine) {
		if name, value, _ := strings.Cut(w, "="); name == parameter {
			values = append(values, value)
		}
	}
	return values
}

// Has tells whether the kernel's command line has a parameter, as a word of
// its own or with a value.
func (f *Facts) Has(parameter string) bool {
	return slices.ContainsFunc(strings.Fields(f.CommandLine), func(w string) bool {
		name, _, _ := strings.Cut(w, "=")
		return w == parameter || name == parameter
	})
}

// configs lists where the running kernel's configuration may lie, best first.
func (f *Facts) configs() []string {
	return []string{
		"proc/config.gz",
		path.Join("lib/modules", f.Release, "config"),
		path.Join("boot", "config-"+f.Release),
	}
}

func (f *Facts) readConfig(fsys fs.FS) {
	for _, name := range f.configs() {
		c, err := keep(fsys, name, func() (config, error) { return readConfig(fsys, name) })
		if err != nil {
			continue // no kernel has them all, and one that is damaged says nothing
		}
		f.Config, f.config = name, c
		return
	}
}

// A config is a kernel's configuration.
type config struct {
	text    string
	options map[string]string // what Offers is asked for
}

func readConfig(fsys fs.FS, name string) (config, error) {
	data, err := fs.ReadFile(fsys, name)
	if err == nil && path.Ext(name) == ".gz" {
		data, err = unzip(data)
	}
	if err != nil {
		return config{}, err
	}
	text := string(data)
	return config{text, parseParts(text)}, nil
}

// maxConfig bounds the unpacked configuration; Debian's has 280 kB.
const maxConfig = 4 << 20

func unzip(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = errors.New("larger than 4 MiB")
	}
	return text, err
}

// Option returns an option's value in a configuration's text, "y" or "m" or
// whatever it was set to. It looks for the one line: the whole has ten
// thousand, and few are asked for.
func Option(config, name string) (value string, set bool) {
	rest, set := strings.CutPrefix(config, name+"=")
	if !set {
		if _, rest, set = strings.Cut(config, "\n"+name+"="); !set {
			return "", false
		}
	}
	value, _, _ = strings.Cut(rest, "\n")
	return strings.TrimSpace(value), true
}

func (f *Facts) readModules(fsys fs.FS) error {
	f.Modules, f.loaded = map[string]string{}, map[string]bool{}
	var n ModulesNote
	_ = note.Read(fsys, &n) // an ordinary program loads none
	for _, name := range n.Loaded {
		f.Modules[name] = "loaded"
	}
	for _, name := range n.Idle {
		f.Modules[name] = "idle"
	}
	for _, m := range n.Missing {
		f.Modules[m.Name] = "missing"
	}
	entries, err := fs.ReadDir(fsys, "sys/module")
	if err != nil {
		return err
	}
	for _, e := range entries {
		f.loaded[e.Name()] = true
	}
	return nil
}

// Lacks says why the kernel cannot show what needs the option: it was not
// built in, or its module is not loaded, or that is not known. Empty means
// that it can.
func (f *Facts) Lacks(option string) string {
	module := moduleOf(option)
	if state := f.Modules[module]; f.loaded[module] || state == "loaded" || state == "idle" {
		return ""
	}
	value, set := Option(f.text, option)
	switch {
	case option == "CONFIG_EFI" && f.NoUEFI:
		return ""
	case f.Config == "":
		return fmt.Sprintf("this kernel's configuration is unknown: has it %s?", option)
	case !set:
		return fmt.Sprintf("this kernel lacks %s", option)
	case value == "m":
		return fmt.Sprintf("this kernel has %s as a module, which is not loaded", option)
	}
	return ""
}

// Set returns an option's value in the kernel's configuration, empty for one that
// is not set. Known tells whether the configuration mentions the option at all: an
// older kernel has none of that name.
func (f *Facts) Set(option string) (value string, known bool) {
	value, set := Option(f.text, option)
	return value, set || strings.Contains(f.text, "# "+option+" is not set")
}

// Without tells whether the kernel was built without an option, by its configuration.
func (f *Facts) Without(option string) bool {
	_, set := Option(f.text, option)
	return f.Config != "" && !set
}

func moduleOf(option string) string {
	for _, d := range Drivers {
		if d.Option == option {
			return d.Module
		}
	}
	return ""
}
