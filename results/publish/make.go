package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"vmspec/results"
)

// A Source is a log to publish with its record.
type Source struct {
	Name   string // of the file that it becomes
	Data   []byte
	Record []byte // nil for none
}

// ReadSource reads a log of a run, and the record beside it.
func ReadSource(path string) (*Source, error) {
	s := &Source{Name: filepath.Base(path)}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file", path)
	case info.Size() > MaxLog:
		return nil, fmt.Errorf("%s: %d bytes; at most %d are published: gzip it, or log less", path, info.Size(), MaxLog)
	}
	if err := CheckName(s.Name); err != nil {
		return nil, err
	}
	if s.Data, err = os.ReadFile(path); err != nil {
		return nil, err
	}
	s.Record, err = readFile(filepath.Dir(path), s.Name+results.HostRunSuffix, MaxLog)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	return s, err
}

// Make makes a folder of logs below a directory. It writes all of it or nothing,
// and nowhere else. What is empty in the description is taken from the logs.
func Make(dir, name string, about About, sources []Source) (*Folder, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	target := filepath.Join(dir, name)
	if _, err := os.Lstat(target); err == nil {
		return nil, fmt.Errorf("%s is there already", target)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var expected []Expected
	about.Logs = nil
	for _, s := range sources {
		log, err := s.read()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		about.take(&s, log)
		about.Logs = append(about.Logs, ListedLog{s.Name, sumOf(s.Data)})
		expected = append(expected, log.Verdicts()...)
	}
	if err := about.check(); err != nil {
		return nil, err
	}
	if err := write(dir, target, about, expected, sources); err != nil {
		return nil, err
	}
	return LoadFolder(target)
}

// read reads a log that is to be published: one whole report or more.
func (s *Source) read() (*Log, error) {
	log := ReadLog(s.Data, s.Record)
	log.Name = s.Name
	switch {
	case log.Err != nil:
		return nil, log.Err
	case len(log.Reports) == 0:
		return nil, results.ErrNoReport
	}
	return log, nil
}

// write writes a folder under another name, and renames it.
func write(dir, target string, about About, expected []Expected, sources []Source) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	part, err := os.MkdirTemp(dir, ".part-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(part))
		}
	}()
	files := map[string][]byte{}
	if files[AboutFile], err = yaml.Marshal(about); err != nil {
		return err
	}
	if files[VerdictsFile], err = yaml.Marshal(expected); err != nil {
		return err
	}
	for _, s := range sources {
		files[s.Name] = s.Data
		if s.Record != nil {
			files[s.Name+results.HostRunSuffix] = s.Record
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(part, name), data, 0o644); err != nil {
			return err
		}
	}
	if err := os.Chmod(part, 0o755); err != nil {
		return err
	}
	return os.Rename(part, target)
}

var (
	kernelLine = regexp.MustCompile(`Linux version (\d[\w.+~-]{0,60})`)
	efiLine    = regexp.MustCompile(`efi: EFI v[\d.]{1,8} by ([\w .()+-]{1,60})`)
)

// take takes from a log what nobody said.
func (a *About) take(s *Source, log *Log) {
	r := log.Report()
	if a.Arch == "" {
		a.Arch = r.Arch
	}
	text, err := unpack(s.Data)
	if err != nil {
		return
	}
	if m := kernelLine.FindSubmatch(text); m != nil && a.Kernel == "" {
		a.Kernel = "Linux " + string(m[1])
	}
	if a.Firmware == "" {
		a.Firmware = firmwareOf(r, text)
	}
	if a.Command == "" && log.Record != nil {
		a.Command = results.OneLine(shellLine(log.Record.Command))
	}
}

// firmwareOf is the firmware by the guest's kernel; empty if the report does not say
// whether there was one.
func firmwareOf(r *results.Report, text []byte) string {
	if m := efiLine.FindSubmatch(text); m != nil {
		return strings.TrimSpace(string(m[1]))
	}
	if p, ok := r.Point("FW-UEFI-BOOT"); ok && p.Verdict == results.Fail {
		return "none"
	}
	return ""
}

var plain = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// shellLine is a command as a shell takes it.
func shellLine(command []string) string {
	words := make([]string, len(command))
	for i, w := range command {
		if words[i] = w; !plain.MatchString(w) {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
