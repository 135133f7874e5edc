// Package publish keeps the reports of real hypervisors for anyone to compare with:
// a folder for each hypervisor, version and configuration, of the logs and records
// as they came, a description (result.yaml), and the verdicts that were read in them
// (verdicts.yaml).
//
// A folder comes from somebody else. What is in it is data: its files are read by
// names that are no paths, up to a bound, and nothing in it is run.
package publish

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"vmspec/results"
)

// Names of files in a folder.
const (
	AboutFile    = "result.yaml"
	VerdictsFile = "verdicts.yaml"
	PageFile     = "README.md"
)

// MaxLog bounds a log, packed or not, in bytes. A guest writes some 70 KB.
const MaxLog = 1 << 20

// A Folder is what was published of one hypervisor.
type Folder struct {
	Name string // of the folder
	Dir  string // its path
	About
	Logs     []Log
	Expected []Expected // the verdicts that were read when it was published
}

// A Log is a serial log of a folder with the report in it.
type Log struct {
	Name    string // of the file in the folder
	Path    string
	Reports []*results.Report // the last boot of each source, by the log's own profile
	Record  *results.HostRun  // what lay beside it; nil for none
	Err     error             // why no report is whole
}

// Report is the worst of the log's reports; nil if none is whole.
func (l *Log) Report() *results.Report { return results.Worst(l.Reports, false) }

var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)

// CheckName refuses what is no name of a folder or file that may be published. One
// that is fit is no path, on no system.
func CheckName(name string) error {
	switch {
	case strings.ContainsAny(name, `/\`):
		return fmt.Errorf("%q is a path: a name is needed", clip(name))
	case !names.MatchString(name) || strings.HasSuffix(name, "."):
		return fmt.Errorf("%q: a name is 1 to 64 letters, digits, and . _ + - behind the first", clip(name))
	}
	return nil
}

// clip is a hostile text as an error bears it.
func clip(text string) string {
	if len(text) > 80 {
		return text[:80] + "..."
	}
	return text
}

// Load reads all folders of a directory, by their names. A folder without result.yaml
// is a page about a hypervisor, and is left out.
func Load(dir string) ([]Folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []Folder
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if _, err := os.Lstat(filepath.Join(path, AboutFile)); !e.IsDir() || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		f, err := LoadFolder(path)
		if err != nil {
			return nil, err
		}
		all = append(all, *f)
	}
	return all, nil
}

// LoadFolder reads one folder. A log without a whole report has its error with it.
func LoadFolder(dir string) (*Folder, error) {
	f := &Folder{Name: filepath.Base(dir), Dir: dir}
	if err := CheckName(f.Name); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	text, err := readFile(dir, AboutFile, maxYAML)
	if err != nil {
		return nil, err
	}
	about, err := ParseAbout(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, AboutFile), err)
	}
	f.About = *about
	if text, err = readFile(dir, VerdictsFile, maxYAML); err != nil {
		return nil, err
	}
	if f.Expected, err = ParseVerdicts(text); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, VerdictsFile), err)
	}
	for _, l := range about.Logs {
		log, err := loadLog(dir, l)
		if err != nil {
			return nil, err
		}
		f.Logs = append(f.Logs, *log)
	}
	return f, f.unlisted()
}

// unlisted refuses a file of which the description does not know.
func (f *Folder) unlisted() error {
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		return err
	}
	known := []string{AboutFile, VerdictsFile, PageFile}
	for _, l := range f.Logs {
		known = append(known, l.Name, l.Name+results.HostRunSuffix)
	}
	for _, e := range entries {
		if !slices.Contains(known, e.Name()) {
			return fmt.Errorf("%s: %q is not among the logs of %s", f.Dir, clip(e.Name()), AboutFile)
		}
	}
	return nil
}

// readFile reads a regular file of a folder, not more than a bound.
func readFile(dir, name string, most int64) ([]byte, error) {
	path := filepath.Join(dir, name)
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file", path)
	case info.Size() > most:
		return nil, fmt.Errorf("%s: %d bytes; at most %d", path, info.Size(), most)
	}
	return os.ReadFile(path)
}

// loadLog reads a log of a folder, and holds it against the sum of what was published.
func loadLog(dir string, listed ListedLog) (*Log, error) {
	data, err := readFile(dir, listed.File, MaxLog)
	if err != nil {
		return nil, err
	}
	if sum := sumOf(data); sum != listed.SHA256 {
		return nil, fmt.Errorf("%s: is not as it came: its SHA-256 is %s, that of %s is %s",
			filepath.Join(dir, listed.File), sum, AboutFile, listed.SHA256)
	}
	record, err := readFile(dir, listed.File+results.HostRunSuffix, MaxLog)
	if errors.Is(err, fs.ErrNotExist) {
		record, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	log := ReadLog(data, record)
	log.Name, log.Path = listed.File, filepath.Join(dir, listed.File)
	return log, nil
}

// ReadLog reads a log, which may be packed by gzip, and the record beside it; nil for
// none.
func ReadLog(data, record []byte) *Log {
	log := &Log{}
	var p results.Parser
	text, err := unpack(data)
	if err == nil {
		err = results.EachRecord(bytes.NewReader(text), func(line string) { p.Line(line) })
	}
	if err == nil {
		var r *results.Report
		if r, err = p.Report(); err == nil {
			err = r.Incomplete
		}
	}
	if err == nil && record != nil {
		log.Record, err = results.ReadHostRun(bytes.NewReader(record))
	}
	if log.Err = err; err != nil {
		return log
	}
	all, _ := p.Reports()
	log.Reports = results.LastBoots(all)
	log.Err = log.observe()
	return log
}

// observe judges by the record beside the log, as vmspec report does.
func (l *Log) observe() error {
	if l.Record == nil {
		return nil
	}
	for _, r := range l.Reports {
		if len(l.Reports) == 1 || l.Record.Nonce == r.Nonce {
			if err := r.Observe(l.Record); err != nil {
				return err
			}
		}
	}
	return nil
}

// unpack takes a log out of gzip.
func unpack(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	in, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(in, maxUnpacked+1))
	if err == nil && len(text) > maxUnpacked {
		err = fmt.Errorf("unpacked it has more than %d bytes", maxUnpacked)
	}
	return text, err
}

// maxUnpacked bounds what a packed log may grow to.
const maxUnpacked = 64 << 20
