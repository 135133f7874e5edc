package kernel

// A Driver is a part of the kernel that a probe needs to see something, by its
// configuration option and, where it can be a module, the module's name.
type Driver struct{ Option, Module string }

// Drivers lists what the suite wants in a guest's kernel and loads where it is
// a module.
var Drivers = []Driver{
	{"CONFIG_EFIVAR_FS", "efivarfs"},
	{"CONFIG_RTC_DRV_EFI", "rtc_efi"},
	{"CONFIG_SERIAL_AMBA_PL011", "amba_pl011"},
	{"CONFIG_VIRTIO_PCI", "virtio_pci"},
	{"CONFIG_VIRTIO_MMIO", "virtio_mmio"},
	{"CONFIG_VIRTIO_CONSOLE", "virtio_console"},
	{"CONFIG_VIRTIO_BLK", "virtio_blk"},
	{"CONFIG_VIRTIO_NET", "virtio_net"},
	{"CONFIG_VIRTIO_BALLOON", "virtio_balloon"},
	{"CONFIG_HW_RANDOM_VIRTIO", "virtio_rng"},
	{"CONFIG_VIRTIO_VSOCKETS", "vmw_vsock_virtio_transport"},
	{"CONFIG_VIRTIO_FS", "virtiofs"},
	{"CONFIG_XEN_BLKDEV_FRONTEND", "xen_blkfront"},
	{"CONFIG_XEN_NETDEV_FRONTEND", "xen_netfront"},
	{"CONFIG_XENFS", "xenfs"},
	{"CONFIG_VFAT_FS", "vfat"},
	{"CONFIG_NLS_CODEPAGE_437", "nls_cp437"},
	{"CONFIG_NLS_ASCII", "nls_ascii"},
	{"CONFIG_FW_CFG_SYSFS", "qemu_fw_cfg"},
}

// Modules lists the drivers' module names.
func Modules() []string {
	var out []string
	for _, d := range Drivers {
		out = append(out, d.Module)
	}
	return out
}
