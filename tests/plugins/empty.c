/* A shared object that is no plugin: it has no descriptor. */
int empty_is_no_plugin(void);

int empty_is_no_plugin(void)
{
	return 0;
}
