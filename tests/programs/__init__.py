"""Right and wrong programs as students write them: data of the tests."""
