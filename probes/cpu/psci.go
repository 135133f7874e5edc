package cpu

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"vmspec/probes/fdt"
	"vmspec/probes/kernel"
)

// PSCI is the Power State Coordination Interface as the guest sees it.
type PSCI struct {
	Version string // "1.1", from debugfs or the kernel's log; empty if neither says
	Refused string `json:",omitempty"` // the error code with which PSCI_VERSION answered instead
	Whole   bool   // one of them was there from its beginning, so that silence means something
	SMCCC   string // the SMC calling convention's version, likewise
	Node    string // path of the tree's node; empty if there is none
	Method  string // "hvc" or "smc", from that node

	Asked     bool     // the kernel asked PSCI_FEATURES of each optional function, and debugfs has the answers
	Functions []string // those that are supported
	Unclear   []string // answers that are neither yes nor no
}

// ReadPSCI finds the guest's PSCI. Absence is an answer.
func ReadPSCI(fsys fs.FS) (*PSCI, error) {
	var p PSCI
	tree, err := fdt.Load(fsys)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if tree != nil {
		if n := tree.PSCINode(); n != nil {
			p.Node, p.Method = n.Path(), n.PSCIMethod()
		}
	}
	debug, debugErr := fs.ReadFile(fsys, "sys/kernel/debug/psci")
	log, logErr := kernel.Log(fsys)
	if debugErr != nil && logErr != nil {
		return nil, errors.Join(debugErr, logErr)
	}
	p.Whole = debugErr == nil || fromItsBeginning(log)
	p.readFunctions(string(debug))
	text := string(debug) + "\n" + strings.Join(log, "\n")
	// debugfs's first lines and the log's messages (drivers/firmware/psci/psci.c)
	if p.Version = versionAfter(text, "PSCIv"); p.Version == "" {
		p.Version = versionAfter(text, "PSCI v")
	}
	p.Refused = errorCode(text, "PSCIv")
	p.SMCCC = versionAfter(text, "SMC Calling Convention v")
	return &p, nil
}

// readFunctions reads what debugfs says of the optional functions
// (drivers/firmware/psci/psci.c, psci_debugfs_read).
func (p *PSCI) readFunctions(debug string) {
	for line := range strings.Lines(debug) {
		line = strings.TrimSpace(line)
		name, supported := strings.CutSuffix(line, " is supported")
		switch {
		case strings.HasPrefix(line, "PSCI_FEATURES("):
			p.Unclear = append(p.Unclear, line)
		case supported && name != "OSI": // a mode, no function
			p.Functions = append(p.Functions, name)
		}
		p.Asked = p.Asked || strings.Contains(line, "StateID format")
	}
}

// versionAfter returns the first "1.1" that stands behind the words.
func versionAfter(text, words string) string {
	for {
		_, rest, found := strings.Cut(text, words)
		if !found {
			return ""
		}
		text = rest
		end := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if end < 0 {
			end = len(text)
		}
		major, minor, _ := strings.Cut(strings.TrimRight(text[:end], "."), ".")
		if minor, _, _ = strings.Cut(minor, "."); major != "" && minor != "" {
			return major + "." + minor
		}
	}
}

// errorCode returns the error code that the kernel took for a version, of the
// first "65535.65535" behind the words. A version has bit 31 clear, an error is a
// negative number (DEN0022, 5.1.1 and 5.2.2).
func errorCode(text, words string) string {
	for {
		_, rest, found := strings.Cut(text, words)
		if !found {
			return ""
		}
		text = rest
		major, minor, err := Number(versionAfter(words+rest, words))
		if code := int32(major<<16 | minor&0xffff); err == nil && code < 0 {
			return strings.TrimSpace(fmt.Sprintf("%d %s", code, errorNames[code]))
		}
	}
}

// errorNames are PSCI's return codes: DEN0022, 5.2.2.
var errorNames = map[int32]string{-1: "NOT_SUPPORTED", -2: "INVALID_PARAMETERS", -3: "DENIED", -6: "INTERNAL_FAILURE"}

// Number returns the numbers of a version such as "1.1".
func Number(version string) (major, minor uint32, err error) {
	first, second, _ := strings.Cut(version, ".")
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(second, 10, 16)
	return uint32(a), uint32(b), errors.Join(errA, errB)
}
