package publish

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Schema is the JSON Schema of result.yaml.
//
//go:embed schema.json
var Schema []byte

// maxYAML bounds a description, in bytes.
const maxYAML = 64 << 10

// About is what result.yaml says.
type About struct {
	Hypervisor string      `yaml:"hypervisor"`
	Version    string      `yaml:"version"`
	Machine    string      `yaml:"machine,omitempty"` // its configuration, in a few words
	Firmware   string      `yaml:"firmware"`          // with its version; "none" for a kernel that the VMM starts
	Arch       string      `yaml:"arch"`              // of the guest: arm64 or arm
	Host       string      `yaml:"host"`              // the machine that ran it
	Kernel     string      `yaml:"kernel"`            // of the guest
	Date       string      `yaml:"date"`              // of the run: 2026-11-30
	Command    string      `yaml:"command"`           // to reproduce it
	Notes      string      `yaml:"notes,omitempty"`
	Logs       []ListedLog `yaml:"logs"`
}

// A ListedLog is a log of the folder.
type ListedLog struct {
	File   string `yaml:"file"`
	SHA256 string `yaml:"sha256"` // as it came
}

// sumOf is a log's SHA-256.
func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// maxText bounds a text of a description, in bytes.
const maxText = 2000

var (
	sums  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	dates = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
)

// ParseAbout reads a description, and says what is wrong with it.
func ParseAbout(text []byte) (*About, error) {
	var a About
	if err := parseYAML(text, &a); err != nil {
		return nil, err
	}
	return &a, a.check()
}

// parseYAML reads one document without unknown keys.
func parseYAML(text []byte, into any) error {
	in := yaml.NewDecoder(bytes.NewReader(text))
	in.KnownFields(true)
	switch err := in.Decode(into); {
	case errors.Is(err, io.EOF):
		return errors.New("it is empty")
	case err != nil:
		return errors.New(strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " "))
	}
	if err := in.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return errors.New("more than one document")
	}
	return nil
}

// A MissingError names the key of a description that has no value.
type MissingError string

func (e MissingError) Error() string { return string(e) + " is missing" }

// check refuses what the schema refuses.
func (a *About) check() error {
	for _, f := range []struct {
		key, value string
		needed     bool
	}{
		{"hypervisor", a.Hypervisor, true}, {"version", a.Version, true}, {"machine", a.Machine, false},
		{"firmware", a.Firmware, true}, {"host", a.Host, true}, {"kernel", a.Kernel, true},
		{"command", a.Command, true}, {"notes", a.Notes, false},
	} {
		switch {
		case f.needed && f.value == "":
			return MissingError(f.key)
		case len(f.value) > maxText:
			return fmt.Errorf("%s: %d bytes; at most %d", f.key, len(f.value), maxText)
		}
	}
	if a.Arch != "arm64" && a.Arch != "arm" {
		return fmt.Errorf("arch: %q: arm64 or arm", clip(a.Arch))
	}
	if _, err := time.Parse(time.DateOnly, a.Date); err != nil || !dates.MatchString(a.Date) {
		return fmt.Errorf("date: %q: a date such as 2026-11-30 is needed", clip(a.Date))
	}
	if len(a.Logs) == 0 {
		return errors.New("logs: none is listed")
	}
	return a.checkLogs()
}

func (a *About) checkLogs() error {
	seen := map[string]bool{AboutFile: true, VerdictsFile: true, PageFile: true}
	for i, l := range a.Logs {
		if err := CheckName(l.File); err != nil {
			return fmt.Errorf("logs: entry %d: %w", i+1, err)
		}
		if seen[l.File] {
			return fmt.Errorf("logs: %s is there twice, or is no log", l.File)
		}
		if !sums.MatchString(l.SHA256) {
			return fmt.Errorf("logs: %s: sha256 %q: 64 hexadecimal digits are needed", l.File, clip(l.SHA256))
		}
		seen[l.File] = true
	}
	return nil
}
