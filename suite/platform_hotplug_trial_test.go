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

var plugMutants = []mutant{
	{
		name: "a disk and a network device were plugged", guest: busGuest,
		change: asked(askedBlock, "plug block done", cameBlock, readBlock, "unplug block done", "gone block 6000", askedNet, cameNet, "gone net 6000"),
		want:   map[string]Verdict{"PLAT-HOTPLUG-BLOCK": Pass, "PLAT-HOTPLUG-NET": Pass},
	},
	{
		name: "a host that says that it plugged", guest: busGuest, change: asked(askedBlock, "plug block done", askedNet, "plug net done"),
		want:    fails(plugIDs...),
		problem: map[string]string{"PLAT-HOTPLUG-BLOCK": "the host said that it is done, and the guest saw nothing"},
	},
	{
		name: "no bus to plug on", guest: directGuest, change: asked(askedBlock, "plug block cannot", askedNet),
		want:    fails(plugIDs...),
		problem: map[string]string{"PLAT-HOTPLUG-NET": "there is no bus to plug it on"},
	},
	{
		name: "a kernel that could not see it", guest: directGuest,
		change: all(asked(askedBlock, "plug block done", askedNet), edit("lib/modules/6.1.0-56-arm64/config", "CONFIG_HOTPLUG_PCI_PCIE=y", "")),
		want:   map[string]Verdict{"PLAT-HOTPLUG-BUS": Error, "PLAT-HOTPLUG-BLOCK": Error, "PLAT-HOTPLUG-NET": Error},
	},
	{
		name: "devices that are not what they should be", guest: busGuest,
		change: asked(askedBlock, cameBlock, "block block 0 EIO input/output error", "gone block 9", askedNet, "came net eth1 vif-1 1", "up net ok", "address net zero", "gone net 9"),
		want:   fails(plugIDs...),
		problem: map[string]string{
			"PLAT-HOTPLUG-BLOCK": "read byte 0: EIO input/output error", "PLAT-HOTPLUG-NET": "its address is no interface's: zero",
		},
	},
	{
		name: "a disk of another size, a network device that does not come up", guest: busGuest,
		change:  asked(askedBlock, cameBlock, "block block 0 ok", "mark block half", "gone block 9", askedNet, "came net eth1 vif-1 1", "up net EIO input/output error", "address net unicast"),
		want:    fails(plugIDs...),
		problem: map[string]string{"PLAT-HOTPLUG-BLOCK": "only one end of the disk", "PLAT-HOTPLUG-NET": "bring it up: EIO"},
	},
	{
		name: "another VM's disk, a network device that stays", guest: busGuest,
		change:  asked(askedBlock, cameBlock, "block block 0 ok", "mark block others", "gone block 9", askedNet, cameNet, "unplug net done"),
		want:    fails(plugIDs...),
		problem: map[string]string{"PLAT-HOTPLUG-BLOCK": "another request", "PLAT-HOTPLUG-NET": "and the guest sees it still"},
	},
	{
		name: "a device without a driver, a guest without memory", guest: busGuest,
		change:  asked(askedBlock, "plug block done", "other block 0000:02:00.0 none", askedNet, "came net eth1 vif-1 1", "up net ENOMEM cannot allocate memory", "address net unicast", "gone net 1"),
		want:    map[string]Verdict{"PLAT-HOTPLUG-BLOCK": Error, "PLAT-HOTPLUG-NET": Error},
		problem: map[string]string{"PLAT-HOTPLUG-BLOCK": "0000:02:00.0 came, and no driver of this kernel took it"},
	},
	{
		name: "a trial that was lost", guest: busGuest, change: asked("error hung for 1m30s"),
		want:    map[string]Verdict{"PLAT-HOTPLUG-BLOCK": Error, "PLAT-HOTPLUG-NET": Error},
		problem: map[string]string{"PLAT-HOTPLUG-BLOCK": "hung for 1m30s"},
	},
	{
		name: "no terminal to ask on", guest: busGuest, change: asked("asked block 7f3a9c21 30 EIO input/output error"),
		want:    map[string]Verdict{"PLAT-HOTPLUG-BLOCK": Error, "PLAT-HOTPLUG-NET": Error},
		problem: map[string]string{"PLAT-HOTPLUG-BLOCK": "could not be asked: EIO", "PLAT-HOTPLUG-NET": "the host was not asked"},
	},
}

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
