package main

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// heard are the words of an announcer, in order.
func heard(root fstest.MapFS, do func(a *announcer)) (words []string) {
	do(&announcer{root: root, say: func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }})
	return words
}

// firmwareFS is a guest whose clock and variables are UEFI's.
var firmwareFS = fstest.MapFS{
	"sys/class/rtc/rtc0/name":           {Data: []byte("rtc-efi rtc-efi.0\n")},
	"sys/firmware/efi/efivars/Boot0000": {},
}

func TestAnnouncer(t *testing.T) {
	for name, test := range map[string]struct {
		root fstest.MapFS
		do   func(a *announcer)
		want []string
	}{
		"every trial": {nil, func(a *announcer) {
			a.step("trial timer")
			a.step("trial touch")
		}, []string{"trial timer", "trial touch"}},
		"the first of others": {nil, func(a *announcer) {
			a.step("trial variables")
			a.step("look kmsg")
			a.step("look smbios")
			a.step("read proc/version")
			a.step("read proc/modules")
		}, []string{"trial variables", "look kmsg", "read proc/version"}},
		"nothing of the report": {nil, func(a *announcer) {
			a.step("publish")
			a.step("capture")
		}, nil},
		"a file of the firmware's": {nil, func(a *announcer) {
			a.step("read sys/firmware/efi/systab")
			a.step("read sys/firmware/efi/efivars/Boot0000")
			a.step("read sys/firmware/efi/efivars/Boot0001")
			a.step("read sys/firmware/fdt")
			a.step("read sys/hypervisor/type")
		}, []string{"read sys/firmware/efi/systab", "read sys/firmware/efi/efivars/Boot0000: UEFI GetVariable", "read sys/firmware/fdt"}},
		"the service in a trial": {firmwareFS, func(a *announcer) {
			a.step("trial variables")
			a.calls("trial variables")("SetVariable")
		}, []string{"trial variables", "trial variables: UEFI SetVariable"}},
		"beside the clock": {firmwareFS, func(a *announcer) {
			a.meanwhile(clockTrial)
			a.step("trial timer")
			a.calls("trial variables")("SetVariable")
			a.over()
			a.step("wait clock")
		}, []string{
			"trial clock: UEFI GetTime",
			"trial timer, beside UEFI GetTime",
			"trial variables: UEFI SetVariable, beside UEFI GetTime",
			"wait clock",
		}},
		"UEFI's clock and variables": {firmwareFS, func(a *announcer) {
			a.step(mountsLook)
			a.step(clockTrial)
		}, []string{"look mounts: UEFI GetNextVariableName", "trial clock: UEFI GetTime"}},
		"beside another clock": {fstest.MapFS{}, func(a *announcer) {
			a.meanwhile(clockTrial)
			a.step("trial timer")
		}, []string{"trial clock", "trial timer"}},
		"another clock, no variables": {fstest.MapFS{"sys/class/rtc/rtc0/name": {Data: []byte("rtc-pl031 9010000.pl031\n")}}, func(a *announcer) {
			a.step(mountsLook)
			a.step(clockTrial)
		}, []string{"look mounts", "trial clock"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, heard(test.root, test.do)) })
	}
}
