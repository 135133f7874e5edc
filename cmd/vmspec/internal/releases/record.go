// Package releases says what changed for a user from one release to the next. A
// release is a record: its requirements, commands, formats and targets, as data.
// Two records are compared by code; a short text says what no record can.
package releases

import (
	"bytes"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// A Record is what a user sees of one release.
type Record struct {
	Version      string
	Requirements []Requirement
	Commands     []Command
	Formats      []Format
	Targets      []Target
}

// A Requirement is what is asked, and of whom.
type Requirement struct {
	ID, Title, Party, Kind string
	Levels                 map[string]string `yaml:",flow"`      // by profile; none where that does not ask it
	Asked                  string            `yaml:",omitempty"` // empty: 0.1.0 had no such text
	Untested               string            `yaml:",omitempty"` // why it is not judged
}

// A Command has flags.
type Command struct {
	Name, About string
	Flags       []Flag `yaml:",omitempty"`
}

// A Flag's default is that of a user who does not name it.
type Flag struct {
	Name, About string
	Default     string `yaml:",omitempty"`
}

// A Format is one in which some commands print.
type Format struct {
	Name     string
	Commands []string `yaml:",flow"`
}

// A Target is what run starts.
type Target struct{ Name, About string }

// Read reads a record.
func Read(data []byte) (*Record, error) {
	in := yaml.NewDecoder(bytes.NewReader(data))
	in.KnownFields(true)
	var r Record
	if err := in.Decode(&r); err != nil {
		return nil, fmt.Errorf("read record of a release: %w", err)
	}
	return &r, nil
}

// Write writes a record, as Read reads it.
func (r *Record) Write(w io.Writer) error {
	out := yaml.NewEncoder(w)
	out.SetIndent(2)
	if err := out.Encode(r); err != nil {
		return err
	}
	return out.Close()
}
