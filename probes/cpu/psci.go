package cpu

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"

	"vmspec/probes/fdt"
	"vmspec/probes/kernel"
)

// PSCI is the Power State Coordination Interface as the guest sees it.
type PSCI struct {
	Version string // "1.1", from debugfs or the kernel's log; empty if neither says
	Whole   bool   // one of them was there from its beginning, so that silence means something
	SMCCC   string // the SMC calling convention's version, likewise
	Node    string // path of the tree's node; empty if there is none
	Method  string // "hvc" or "smc", from that node
}

// psciVersion matches debugfs's first lines and the log's messages
// (drivers/firmware/psci/psci.c).
var (
	psciVersion  = regexp.MustCompile(`PSCI ?v([0-9]+\.[0-9]+)`)
	smcccVersion = regexp.MustCompile(`SMC Calling Convention v([0-9]+\.[0-9]+)`)
)

// ReadPSCI finds the guest's PSCI. Absence is an answer.
func ReadPSCI(fsys fs.FS) (*PSCI, error) {
	var p PSCI
	tree, err := fdt.Load(fsys)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if tree != nil {
		for _, n := range tree.Root.Children {
			if n.Is("arm,psci", "arm,psci-0.2", "arm,psci-1.0") {
				p.Node = n.Path()
				p.Method, _ = n.String("method")
			}
		}
	}
	debug, debugErr := fs.ReadFile(fsys, "sys/kernel/debug/psci")
	log, logErr := kernel.Log(fsys)
	if debugErr != nil && logErr != nil {
		return nil, errors.Join(debugErr, logErr)
	}
	p.Whole = debugErr == nil || len(log) > 0 && strings.HasPrefix(log[0], "[    0.000000]")
	text := string(debug) + "\n" + strings.Join(log, "\n")
	p.Version, p.SMCCC = submatch(psciVersion, text), submatch(smcccVersion, text)
	return &p, nil
}

func submatch(re *regexp.Regexp, text string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}
