package suite

var firmwareMutants = []mutant{
	{
		name: "UEFI 2.31", guest: uefiGuest, change: edit("vmspec/efi", "revision 0x20046", "revision 0x2001f"),
		want:    map[string]Verdict{"FW-UEFI-VERSION": Fail},
		problem: map[string]string{"FW-UEFI-VERSION": "UEFI 2.31 is older than 2.40"},
	},
	{
		name: "UEFI 2.4 is new enough", guest: uefiGuest, change: edit("vmspec/efi", "revision 0x20046", "revision 0x20028"),
		want: map[string]Verdict{},
	},
	{
		name: "UEFI 2.4 by v2.0", guest: uefiGuest, profile: V20, change: edit("vmspec/efi", "revision 0x20046", "revision 0x20028"),
		want:    map[string]Verdict{"FW-UEFI-VERSION-26": Fail},
		problem: map[string]string{"FW-UEFI-VERSION-26": "UEFI 2.40 is older than 2.60"},
	},
	{
		name: "UEFI 2.10 is newer than 2.4", guest: uefiGuest, change: edit("vmspec/efi", "revision 0x20046", "revision 0x20064"),
		want: map[string]Verdict{},
	},
	{
		name: "no revision anywhere", guest: uefiGuest,
		change:  all(replace("vmspec/efi", "error map /dev/mem: EPERM\n"), edit("vmspec/kmsg", "efi: EFI v2.70", "gone")),
		want:    map[string]Verdict{"FW-UEFI-VERSION": Error},
		problem: map[string]string{"FW-UEFI-VERSION": "map /dev/mem: EPERM"},
	},
	{
		name: "no SetVariable at run time", guest: uefiGuest, change: edit("proc/self/mountinfo", "efivarfs efivarfs rw", "efivarfs efivarfs ro"),
		want:    map[string]Verdict{"FW-VAR-RUNTIME": Fail},
		problem: map[string]string{"FW-VAR-RUNTIME": "read-only"},
	},
	{
		name: "firmware without a virtual mapping", guest: uefiGuest,
		change: edit("vmspec/kmsg", "Remapping and enabling EFI services", "UEFI virtual mapping missing or invalid"),
		want:   map[string]Verdict{"FW-VAR-RUNTIME": Fail},
	},
	{
		name: "a kernel that uses no runtime services", guest: uefiGuest,
		change: edit("vmspec/kmsg", "Remapping and enabling EFI services", "EFI runtime services will be disabled"),
		want:   map[string]Verdict{"FW-VAR-RUNTIME": Error, "FW-RTC": Error},
	},
	{
		name: "an administrator's read-only efivarfs", guest: uefiGuest,
		change: all(edit("proc/self/mountinfo", "efivarfs efivarfs rw", "efivarfs efivarfs ro"), replace("vmspec/context", "program\n")),
		want:   map[string]Verdict{"FW-VAR-RUNTIME": Error, "FW-VAR-WRITE": Skip, "PLAT-CPU-OFFLINE": Skip, "PLAT-CONSOLE-INPUT": Skip, "PLAT-VIRTIO-PORT": Skip},
	},
	{
		name: "efivarfs that cannot be mounted", guest: uefiGuest,
		change: all(edit("proc/self/mountinfo", "efivarfs", "nothing"), replace("vmspec/mounts", "error operation not supported\n")),
		want:   map[string]Verdict{"FW-VAR-RUNTIME": Fail},
	},
	{
		name: "a log that tells the revision as newer kernels do", guest: uefiGuest,
		change:  all(replace("vmspec/efi", "error map /dev/mem: EPERM\n"), edit("vmspec/kmsg", "efi: EFI v2.70", "efi: EFI v2.3.1")),
		want:    map[string]Verdict{"FW-UEFI-VERSION": Fail},
		problem: map[string]string{"FW-UEFI-VERSION": "UEFI 2.31 is older than 2.40"},
	},
	{
		name: "our own efi=noruntime", guest: uefiGuest, change: edit("proc/cmdline", "panic=-1", "efi=debug,noruntime"),
		want:    map[string]Verdict{"FW-VAR-RUNTIME": Error, "FW-RTC": Error},
		problem: map[string]string{"FW-RTC": "switches runtime services off"},
	},
	{
		name: "efivarfs was not carried", guest: uefiGuest,
		change: all(edit("vmspec/modules", "loaded efivarfs", "missing efivarfs"), remove("sys/module/efivarfs"),
			edit("proc/self/mountinfo", "efivarfs", "nothing")),
		want:    map[string]Verdict{"FW-VAR-RUNTIME": Error},
		problem: map[string]string{"FW-VAR-RUNTIME": "this kernel has CONFIG_EFIVAR_FS as a module, which is not loaded"},
	},
	{
		name: "a clock that stands still", guest: uefiGuest, change: replace("vmspec/clock", "rtc rtc0\ncounter cntvct 62500000\nstuck 1795645431 187500001\n"),
		want:    map[string]Verdict{"FW-RTC": Fail, "PLAT-COUNTER-PACE": Error},
		problem: map[string]string{"FW-RTC": "stood still for 3.0 s"},
	},
	{
		name: "a clock at half speed", guest: uefiGuest,
		change:  replace("vmspec/clock", "rtc rtc0\ncounter cntvct 62500000\nedge 1795645431 1000000 1100000\nedge 1795645432 126000000 126100000\nedge 1795645433 251000000 251100000\n"),
		want:    map[string]Verdict{"FW-RTC": Fail, "PLAT-COUNTER": Error, "PLAT-COUNTER-PACE": Fail}, // one of the two is wrong
		problem: map[string]string{"FW-RTC": "between 0.500 and 0.500 s a second", "PLAT-COUNTER": "disagree"},
	},
	{
		name: "a clock that goes back", guest: uefiGuest,
		change: replace("vmspec/clock", "rtc rtc0\ncounter cntvct 62500000\nedge 1795645431 1000000 1100000\nedge 1795645430 63500000 63600000\nedge 1795645429 126000000 126100000\n"),
		want:   map[string]Verdict{"FW-RTC": Fail, "PLAT-COUNTER-PACE": Fail},
	},
	{
		name: "a clock that its host set once", guest: uefiGuest,
		change:  replace("vmspec/clock", "rtc rtc0\ncounter cntvct 62500000\nedge 1795645431 1000000 1100000\nedge 1795645437 63500000 63600000\nedge 1795645438 126000000 126100000\n"),
		want:    map[string]Verdict{"FW-RTC": Error, "PLAT-COUNTER": Error, "PLAT-COUNTER-PACE": Error},
		problem: map[string]string{"FW-RTC": "too busy to tell: the clock was off once"},
	},
	{
		name: "a host too busy to tell", guest: uefiGuest,
		change:  replace("vmspec/clock", "rtc rtc0\ncounter cntvct 62500000\nedge 1795645431 1000000 31000000\nedge 1795645432 63500000 93500000\n"),
		want:    map[string]Verdict{"FW-RTC": Error, "PLAT-COUNTER-PACE": Error},
		problem: map[string]string{"FW-RTC": "too busy to tell"},
	},
	{
		name: "a clock with one edge", guest: uefiGuest, change: replace("vmspec/clock", "rtc rtc0\ncounter cntvct 62500000\nedge 1795645431 1000000 1100000\n"),
		want: map[string]Verdict{"FW-RTC": Error, "PLAT-COUNTER-PACE": Error},
	},
	{
		name: "captured before the clock was watched", guest: uefiGuest, change: remove("vmspec/clock"),
		want:    map[string]Verdict{"FW-RTC": Error, "PLAT-CLOCK-DATE": Error, "PLAT-COUNTER-PACE": Error},
		problem: map[string]string{"FW-RTC": "did not record vmspec/clock; capture again"},
	},
	{
		name: "GetTime does not answer", guest: uefiGuest, change: replace("sys/class/rtc/rtc0/name", "rtc-pl031 9010000.pl031\n"),
		want:    map[string]Verdict{"FW-RTC": Fail},
		problem: map[string]string{"FW-RTC": "GetTime does not answer"},
	},
	{
		name: "a kernel without the UEFI clock", guest: uefiGuest,
		change: all(replace("sys/class/rtc/rtc0/name", "rtc-pl031 9010000.pl031\n"),
			edit("lib/modules/6.1.0-56-arm64/config", "CONFIG_RTC_DRV_EFI=y", "# CONFIG_RTC_DRV_EFI is not set")),
		want:    map[string]Verdict{"FW-RTC": Error},
		problem: map[string]string{"FW-RTC": "this kernel lacks CONFIG_RTC_DRV_EFI"},
	},
	{
		name: "efivarfs that could not be mounted by our own fault", guest: uefiGuest,
		change: all(edit("proc/self/mountinfo", "efivarfs", "nothing"), replace("vmspec/mounts", "error device or resource busy\n")),
		want:   map[string]Verdict{"FW-VAR-RUNTIME": Error},
	},
	{
		name: "a kernel without UEFI", guest: directGuest,
		change: all(edit("lib/modules/6.1.0-56-arm64/config", "CONFIG_EFI=y", "# CONFIG_EFI is not set"), edit("vmspec/kmsg", "efi: UEFI not found.", "")),
		want: map[string]Verdict{
			"FW-UEFI-BOOT": Error, "FW-UEFI-VERSION": Error, "FW-UEFI-SYSTAB": Error, "FW-VAR-RUNTIME": Error,
			"FW-RTC": Error, "HW-FDT-UEFI": Error,
		},
		problem: map[string]string{"FW-UEFI-BOOT": "this kernel lacks CONFIG_EFI", "FW-RTC": "this kernel lacks CONFIG_EFI"},
	},
	{
		name: "a kernel of unknown configuration", guest: directGuest,
		change:  all(remove("lib/modules/6.1.0-56-arm64/config"), edit("vmspec/kmsg", "efi: UEFI not found.", "")),
		want:    map[string]Verdict{"FW-RTC": Error, "FW-UEFI-BOOT": Error, "FW-UEFI-SYSTAB": Error, "FW-UEFI-VERSION": Error, "FW-VAR-RUNTIME": Error, "HW-FDT-UEFI": Error, "PLAT-HOTPLUG-BUS": Error, "PLAT-SMCCC": Error},
		problem: map[string]string{"FW-UEFI-BOOT": "has it CONFIG_EFI?"},
	},
	{
		name: "a firmware that crashes at run time", guest: uefiGuest,
		change: all(kmsg("[Firmware Bug]: Unable to handle paging request in EFI runtime service"), kmsg("efi: EFI Runtime Services are disabled!"),
			replace("vmspec/variables", "create EINTR interrupted system call\n"),
			replace("vmspec/clock", "rtc rtc0\ncounter cntvct 62500000\nerror read sys/class/rtc/rtc0/since_epoch: invalid argument\n")),
		want: map[string]Verdict{"FW-RTC": Fail, "FW-VAR-RUNTIME": Fail, "FW-VAR-WRITE": Fail, "PLAT-CLOCK-DATE": Error, "PLAT-COUNTER-PACE": Error},
		problem: map[string]string{
			"FW-RTC":         "GetTime answers with an error: invalid argument",
			"FW-VAR-RUNTIME": "crashed in a runtime service",
			"FW-VAR-WRITE":   "create: EINTR",
		},
	},
	{
		name: "a firmware that crashed before the kernel had its clock", guest: uefiGuest,
		change: all(kmsg("[Firmware Bug]: Unable to handle paging request in EFI runtime service"), replace("sys/class/rtc/rtc0/name", "rtc-pl031 9010000.pl031\n")),
		want:   map[string]Verdict{"FW-RTC": Fail, "FW-VAR-RUNTIME": Fail, "FW-VAR-WRITE": Fail},
	},
	{
		name: "a kernel for real time, whose log has lost its beginning", guest: uefiGuest,
		change: all(edit("lib/modules/6.1.0-56-arm64/config", "# CONFIG_EFI_DISABLE_RUNTIME is not set", "CONFIG_EFI_DISABLE_RUNTIME=y"),
			replace("sys/class/rtc/rtc0/name", "rtc-pl031 9010000.pl031\n"), edit("vmspec/kmsg", "Remapping and enabling EFI services", "lost")),
		want:    map[string]Verdict{"FW-RTC": Error},
		problem: map[string]string{"FW-RTC": "CONFIG_EFI_DISABLE_RUNTIME"},
	},
	{
		name: "a kernel for real time that was told to use them", guest: uefiGuest,
		change: all(edit("lib/modules/6.1.0-56-arm64/config", "# CONFIG_EFI_DISABLE_RUNTIME is not set", "CONFIG_EFI_DISABLE_RUNTIME=y"),
			replace("sys/class/rtc/rtc0/name", "rtc-pl031 9010000.pl031\n"), edit("vmspec/kmsg", "Remapping and enabling EFI services", "lost"),
			edit("proc/cmdline", "panic=-1", "efi=runtime")),
		want: map[string]Verdict{"FW-RTC": Fail},
	},
	{
		name: "an older kernel for real time", guest: uefiGuest,
		change: all(edit("lib/modules/6.1.0-56-arm64/config", "# CONFIG_EFI_DISABLE_RUNTIME is not set\n", "CONFIG_PREEMPT_RT=y\n"),
			replace("sys/class/rtc/rtc0/name", "rtc-pl031 9010000.pl031\n"), edit("vmspec/kmsg", "Remapping and enabling EFI services", "lost")),
		want:    map[string]Verdict{"FW-RTC": Error},
		problem: map[string]string{"FW-RTC": "CONFIG_PREEMPT_RT"},
	},
	{
		name: "a clock that was kept away", guest: uefiGuest,
		change: all(replace("sys/class/rtc/rtc0/name", "rtc-pl031 9010000.pl031\n"), edit("proc/cmdline", "panic=-1", "initcall_blacklist=efi_rtc_driver_init")),
		want:   map[string]Verdict{"FW-RTC": Error},
	},
	{
		name: "somebody else's guest without the UEFI clock", guest: uefiGuest,
		change: all(replace("sys/class/rtc/rtc0/name", "rtc-pl031 9010000.pl031\n"), replace("vmspec/context", "program\n")),
		want:   map[string]Verdict{"FW-RTC": Error, "FW-VAR-WRITE": Skip, "PLAT-CPU-OFFLINE": Skip, "PLAT-CONSOLE-INPUT": Skip, "PLAT-VIRTIO-PORT": Skip},
	},
	{
		name: "the UEFI clock by another name", guest: uefiGuest, change: replace("sys/class/rtc/rtc0/name", "rtc_efi rtc_efi\n"),
		want: map[string]Verdict{},
	},
}
