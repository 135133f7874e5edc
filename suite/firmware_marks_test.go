package suite

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
	"vmspec/results/report"
)

// What a boot found and left is in its report, for boots that are merged. One boot alone
// is skipped, or an error.
func TestCheckMarks(t *testing.T) {
	const (
		left    = "left a 1 0a1b2c3d 1 poweroff\n"
		earlier = "read ok\nfound a 1 0a1b2c3d 1 reboot\n"
	)
	for name, c := range map[string]struct {
		guest  string
		change change
		want   Finding
	}{
		"captured before": {uefiGuest, replace("vmspec/context", "pid1\n"), skip("needs-two-boots")},
		"the first":       {uefiGuest, replace("vmspec/mark", "read absent\nwrite ok\n"+left), marksOf("found none; left 0a1b2c3d/1 a/1 poweroff")},
		"of a series": {uefiGuest, all(replace("vmspec/parameters", "vmspec.series=a/2/3\n"), replace("vmspec/mark", earlier+"remove ok\nwrite ok\n"+left)),
			marksOf("boot 2 of 3 of a: found 0a1b2c3d/1 a/1 reboot; left 0a1b2c3d/1 a/1 poweroff")},
		"the last": {uefiGuest, all(replace("vmspec/parameters", "vmspec.series=a/2/2\n"), replace("vmspec/mark", earlier+"remove ok\n")),
			marksOf("boot 2 of 2 of a: found 0a1b2c3d/1 a/1 reboot; left removed")},
		"the last, and nothing there": {uefiGuest, all(replace("vmspec/parameters", "vmspec.series=a/2/2\n"), replace("vmspec/mark", "read absent\n")),
			marksOf("boot 2 of 2 of a: found none; left nothing")},
		"refused":    {uefiGuest, replace("vmspec/mark", "read foreign\nremove EIO input/output error\n"), marksOf("found foreign; left refused: remove: EIO input/output error")},
		"not kept":   {uefiGuest, replace("vmspec/mark", "read absent\nwrite differs\n"), marksOf("found none; left refused: write: differs")},
		"no room":    {uefiGuest, replace("vmspec/mark", "read absent\nwrite ENOSPC no space left on device\n"), marksOf("found none; left prevented: write: ENOSPC no space left on device")},
		"the kernel": {uefiGuest, replace("vmspec/mark", "read absent\nwrite EPERM operation not permitted\n"), marksOf("found none; left prevented: write: EPERM operation not permitted")},
		"no SetVariable": {uefiGuest, all(edit("proc/self/mountinfo", "efivarfs efivarfs rw", "efivarfs efivarfs ro"), replace("vmspec/mark", "read absent\nwrite EROFS read-only file system\n")),
			marksOf("found none; left refused: efivarfs is read-only: the firmware has no SetVariable at run time")},
		"no variables": {uefiGuest, all(edit("proc/self/mountinfo", "efivarfs", "nothing"), replace("vmspec/mounts", "error operation not supported\n"), replace("vmspec/mark", "error efivarfs is not mounted\n")),
			marksOf("found unknown; left refused: no variable services at run time: vmspec/mounts: operation not supported")},
		"no UEFI": {directGuest, replace("vmspec/context", "pid1\n"), marksOf("found unknown; left refused: the guest was not booted through UEFI")},
		"a kernel without UEFI": {directGuest, all(edit("lib/modules/6.1.0-56-arm64/config", "CONFIG_EFI=y", "# CONFIG_EFI is not set"), edit("vmspec/kmsg", "efi: UEFI not found.", "")),
			marksOf("found unknown; left prevented: this kernel lacks CONFIG_EFI")},
		"hung":                  {uefiGuest, replace("vmspec/mark", "read absent\nerror hung for 15s\n"), unknown("vmspec/mark: hung for 15s")},
		"left out":              {uefiGuest, replace("vmspec/parameters", "vmspec.readonly\n"), skip("vmspec.readonly")},
		"somebody else's guest": {uefiGuest, replace("vmspec/context", "program\n"), skip("needs-own-guest")},
	} {
		j := Judge(probes.Read(c.change(t, guesttest.Open(t, c.guest))))
		got := verdicts(j)["FW-VAR-PERSIST"]
		require.Equal(t, c.want, got, name)
		if len(got.Found) > 0 {
			_, ok := report.ParseMarks(got.Found[0])
			require.True(t, ok, name)
		}
	}
}

func marksOf(found string) Finding {
	return Finding{Verdict: Skip, Problem: ReasonTwoBoots, Found: []string{found}}
}
