package suite

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
	"vmspec/results/report"
)

// asked is a guest whose host offers to plug, with what became of that.
func asked(lines ...string) change {
	return all(add("vmspec/parameters", "vmspec.needs=hotplug-block,hotplug-net\n"), replace("vmspec/hotplug", strings.Join(lines, "\n")+"\n"))
}

const (
	askedBlock = "asked block 7f3a9c21 30 ok"
	askedNet   = "asked net 7f3a9c22 30 ok"
	cameBlock  = "came block vdb 0000:02:00.0 340"
	cameNet    = "came net eth1 0000:03:00.0 340\nup net ok\naddress net unicast\ncarrier net 1"
	readBlock  = "block block 0 ok\nblock block 1048064 ok\nmark block ours"
)

// Whether the host acted is its own knowledge. What it needs for that is found.
func TestPlugSkips(t *testing.T) {
	for name, c := range map[string]struct {
		change change
		reason string
		found  string
	}{
		"nobody offers":      {replace("vmspec/hotplug", ""), "needs-hotplug", ""},
		"nobody answered":    {asked(askedBlock), "host-did-not-act", "need hotplug-block nonce=7f3a9c21 timeout=30s: no block device came"},
		"the host cannot":    {asked(askedBlock, "plug block cannot", "other block 0000:02:00.0 e1000"), "host-did-not-act", "no block device came; the host answered: cannot; 0000:02:00.0 came, driver e1000"},
		"nobody unplugged":   {asked(askedBlock, cameBlock, readBlock), "host-did-not-act", "vdb came at 0000:02:00.0 after 340 ms; its first and last block are those of the disk that the host plugged; need unplug-block nonce=7f3a9c21 timeout=30s: vdb stayed"},
		"it cannot unplug":   {asked(askedBlock, cameBlock, "block block 0 ok", "mark block none", "unplug block cannot"), "host-did-not-act", "its first and last block were read; need unplug-block nonce=7f3a9c21 timeout=30s: vdb stayed; the host answered: cannot"},
		"nothing may change": {all(asked(askedBlock), add("vmspec/parameters", "vmspec.readonly\n")), "vmspec.readonly", ""},
		"somebody's guest":   {all(asked(askedBlock), replace("vmspec/context", "program\n")), "needs-own-guest", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := verdicts(Judge(probes.Read(c.change(t, guesttest.Open(t, busGuest)))))["PLAT-HOTPLUG-BLOCK"]
			require.Equal(t, Skip, f.Verdict, f.Problem)
			require.Equal(t, c.reason, f.Problem)
			found := strings.Join(f.Found, "; ")
			require.Contains(t, found, c.found)
			n, ok := report.NeedIn(found)
			require.Equal(t, c.reason == ReasonNoAct, ok)
			if ok {
				require.Equal(t, "7f3a9c21", n.Nonce)
			}
		})
	}
}
